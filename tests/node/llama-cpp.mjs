// Greedy tokens of llama.cpp on the CPU. In, on stdin: JSON [{"model": GGUF file, "text": "..", "ids": [..], "count": 64}, ..];
// ids, where given, are the prompt instead of the text. Out: JSON [{"prompt": [ids of the text], "answer": [ids], "template": ".."}, ..].
// An end token is a token like any other.
import {readFileSync} from "node:fs";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const llama = await getLlama({
    gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error, maxThreads: 1,
});
const results = [];
for (const {model: modelPath, text, ids, count} of JSON.parse(readFileSync(0, "utf8"))) {
    const model = await llama.loadModel({modelPath, checkTensors: true});
    const context = await model.createContext({contextSize: 256, flashAttention: false});
    const prompt = [...model.tokenize(text, true)];
    if (model.tokens.shouldPrependBosToken) prompt.unshift(model.tokens.bos);
    const answer = [];
    for await (const token of context.getSequence().evaluate(ids ?? prompt, {temperature: 0, yieldEogToken: true})) {
        answer.push(token);
        if (answer.length === count) break;
    }
    results.push({prompt, answer, template: model.fileInfo.metadata.tokenizer?.chat_template ?? null});
    await model.dispose();
}
await llama.dispose();
process.stdout.write(JSON.stringify(results) + "\n");
