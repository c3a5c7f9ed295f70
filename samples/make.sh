#!/usr/bin/env bash
# Makes everything in samples/ from the generator: instruction data, tokenizer, base model. Run it from anywhere.
# usage: samples/make.sh [SEED]    Works in artifacts/world; run it again after an interruption and training resumes.
set -euo pipefail
cd "$(dirname "$0")/.."
seed=${1:-1}
work=artifacts/world

step() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name took $((SECONDS - start)) s"
}

generate() {
  if [ "$(cat "$work/seed" 2>/dev/null)" != "$seed" ]; then rm -rf "$work"; fi
  dotnet run --project samples/World -c Release -- --out "$work" --seed "$seed"
  echo "$seed" >"$work/seed"
}

# train RECIPE RUN: from the start, or on from where it was
train() {
  local resume=
  if [ -d "$2/model" ]; then return; fi
  if [ -d "$2" ]; then resume=--resume; fi
  dotnet run --project src/AlpacaCot.Cli -c Release --no-build -- train "$1" $resume
}

install() {
  rm -rf samples/base
  mkdir -p samples/base samples/data
  cp "$work"/base/{config.json,tokenizer.json,tokenizer_config.json} "$work/run-2/model/model.safetensors" samples/base/
  cp "$work"/{train,english,chinese,cot,heldout,questions}.json samples/data/
}

step build dotnet build src/AlpacaCot.Cli -c Release -v q --nologo
step generate generate
step train train samples/pretrain.yaml "$work/run"
step install install
du -sh samples/base samples/data
