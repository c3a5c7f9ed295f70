// Hugging Face's tokenizers for JavaScript, timed: node hf-tokenizers-speed.mjs MODULES TOKENIZER_FOLDER TEXTS.jsonl SECONDS. Prints
// {"bytes": UTF-8 bytes encoded, "seconds": .., "cpu": processor seconds, "ids": [ids of each text]}; it encodes texts in turn until
// the time is up. The modules are those of tests/node: npm ci --prefix tests/node.
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [modules, folder, file, seconds] = process.argv.slice(2);
const entry = join(modules, "node_modules", "@huggingface", "tokenizers", "dist", "tokenizers.mjs");
const {Tokenizer} = await import(pathToFileURL(entry));
const json = name => JSON.parse(readFileSync(join(folder, name), "utf8"));
const tokenizer = new Tokenizer(json("tokenizer.json"), json("tokenizer_config.json"));
const texts = readFileSync(file, "utf8").split("\n").filter(line => line).map(line => JSON.parse(line));

const ids = [];
let bytes = 0;
const start = performance.now(), cpu = process.cpuUsage();
for (let i = 0; performance.now() - start < seconds * 1000; i++) {
    const found = tokenizer.encode(texts[i % texts.length]).ids;
    bytes += Buffer.byteLength(texts[i % texts.length]);
    if (i < texts.length) ids.push(found);
}
const spent = process.cpuUsage(cpu);
console.log(JSON.stringify({
    bytes, seconds: (performance.now() - start) / 1000, cpu: (spent.user + spent.system) / 1e6, ids,
}));
