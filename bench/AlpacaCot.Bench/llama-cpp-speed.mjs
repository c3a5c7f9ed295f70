// llama.cpp on the CPU, timed on command, so that both sides run in turns: each line on stdin is {"model": GGUF file, "ids": [..],
// "count": n}; the answer is a line {"prompt": seconds to read ids, "decode": seconds for count tokens after the first, "promptCpu" and
// "decodeCpu": the same in seconds of processor time, "ids": [..]}. The modules are those of tests/node: npm ci --prefix tests/node.
import {createInterface} from "node:readline";
import {pathToFileURL} from "node:url";
import {join} from "node:path";

const entry = join(process.argv[2], "node_modules", "node-llama-cpp", "dist", "index.js");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry));
const threads = Number(process.argv[3]);
const llama = await getLlama({
    gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error, maxThreads: threads,
});
let model, sequence, open;
for await (const line of createInterface({input: process.stdin})) {
    const {model: modelPath, ids, count} = JSON.parse(line);
    if (open !== modelPath) {
        await model?.dispose();
        model = await llama.loadModel({modelPath});
        const context = await model.createContext({contextSize: 1024, batchSize: 512, threads});
        sequence = context.getSequence();
        open = modelPath;
    }
    await sequence.clearHistory();
    const answer = [];
    const start = performance.now();
    const cpu = () => process.cpuUsage();
    const startCpu = cpu();
    let first = start, last = start, firstCpu = startCpu, lastCpu = startCpu;
    if (count === 0) await sequence.evaluateWithoutGeneratingNewTokens(ids);
    else
        for await (const token of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) {
            answer.push(token);
            (last = performance.now(), lastCpu = cpu());
            if (answer.length === 1) (first = last, firstCpu = lastCpu);
            if (answer.length > count) break;
        }
    if (count === 0) (first = performance.now(), firstCpu = cpu());
    const spent = (a, b) => (b.user + b.system - a.user - a.system) / 1e6;
    console.log(JSON.stringify({
        prompt: (first - start) / 1000, decode: (last - first) / 1000, promptCpu: spent(startCpu, firstCpu),
        decodeCpu: spent(firstCpu, lastCpu), ids: answer,
    }));
}
process.exit(0);
