// Chat templates rendered by @huggingface/jinja. In, on stdin: JSON [{"source": "..", "inputs": [{variables}, ..]}, ..].
// Out: JSON [[{"text": ".."} or {"error": ".."}, ..], ..].
import {readFileSync} from "node:fs";
import {Template} from "@huggingface/jinja";

const results = JSON.parse(readFileSync(0, "utf8")).map(({source, inputs}) => {
    const template = new Template(source);
    return inputs.map((variables) => {
        try {
            return {text: template.render(variables)};
        } catch (e) {
            return {error: String(e.message)};
        }
    });
});
process.stdout.write(JSON.stringify(results) + "\n");
