namespace AlpacaCot.Models.Families;

/// <summary>
/// Fields of <c>config.json</c> that do not change the computation here: names and versions, token ids, initialization, dropout
/// (never applied to the base model), router losses, implementation choices, generation defaults.
/// </summary>
internal static class HarmlessFields
{
    public static readonly HashSet<string> Names =
    [
        "model_type", "architectures", "auto_map", "_name_or_path", "name_or_path", "_from_model_config",
        "transformers_version", "transformers.js_config", "torch_dtype", "dtype", "task_specific_params", "tokenizer_class",
        "tokenizer_type", "custom_pipelines", "finetuning_task", "problem_type", "id2label", "label2id", "unsloth_version",
        "unsloth_fixed", "license", "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id",
        "mask_token_id", "gmask_token_id", "decoder_start_token_id", "bos_token", "eos_token", "image_token_id",
        "boi_token_index", "eoi_token_index", "eos_token_ids", "initializer_range", "init_std", "initializer_cutoff_factor",
        "_embed_init_std", "rescale_prenorm_residual", "attention_dropout", "attention_dropout_prob", "attn_dropout_prob",
        "attn_pdrop", "resid_pdrop", "resid_dropout", "residual_dropout", "embd_pdrop", "emb_dropout_prob", "embedding_dropout",
        "hidden_dropout", "hidden_dropout_prob", "dropout", "activation_dropout", "classifier_dropout",
        "classifier_dropout_prob", "layerdrop", "router_aux_loss_coef", "router_jitter_noise", "output_router_logits",
        "router_z_loss_coef", "z_loss_weight", "use_cache", "use_flash_attn", "use_flash_attention_2", "attn_implementation",
        "_attn_implementation", "_attn_implementation_autoset", "_flash_attn_2_enabled", "attention_softmax_in_fp32",
        "softmax_in_fp32", "fp32_residual_connection", "bias_dropout_fusion", "masked_softmax_fusion", "gradient_checkpointing",
        "pretraining_tp", "slow_but_exact", "skip_bias_add", "skip_bias_add_qkv", "onnx_safe", "cache_implementation", "bf16",
        "fp16", "fp32", "flash_attn", "use_parallel_embedding", "flash_rotary", "fused_dense", "fused_mlp",
        "use_dynamic_kv_cache", "groupsize", "n_ctx", "seq_length", "max_sequence_length", "model_max_length", "offset_alibi",
        "scale_attention_softmax_in_fp32", "finetuned", "attention_probs_dropout_prob", "output_projection",
        "output_attentions", "output_hidden_states", "return_dict", "torchscript", "use_bfloat16", "summary_type",
        "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout", "max_length", "min_length",
        "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p",
        "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "num_return_sequences", "prefix",
        "_sliding_window_pattern", "max_new_tokens", "is_llama_config", "num_nextn_predict_layers",
        "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings",
    ];
}
