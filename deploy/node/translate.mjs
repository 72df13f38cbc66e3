// Translates with a model exported by seq2seq: the folder, ONNX Runtime, and these two pages.
//
//   import { loadTranslator } from "./translate.mjs";
//   const translate = await loadTranslator("path/to/folder");
//   await translate("Where is the station?");  // "车站在哪里？"

import { readFile } from "node:fs/promises";
import { text as readText } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import ort from "onnxruntime-node";
import { loadTokenizer } from "./tokenizers.mjs";

const BOS = 2, EOS = 3;  // ids of the beginning and the end
const FORMAT = 2;  // of the folder

/** Returns a function of a text to its translation, by greedy search. */
export async function loadTranslator(folder, maxLength = 100) {
  const settings = JSON.parse(await readFile(`${folder}/settings.json`, "utf8"));
  if (settings.class !== "Seq2Seq") {
    throw new Error(`Expected ${folder} to be an exported Seq2Seq. Received: ${settings.class}.`);
  }
  if (settings.format > FORMAT) {
    throw new Error(
      `Expected ${folder} of format ${FORMAT} or older. Received: ${settings.format}. ` +
      "Take the page of the version that wrote it.");
  }
  const source = await loadTokenizer(`${folder}/source_tokenizer.json`, "split");
  const target = await loadTokenizer(`${folder}/target_tokenizer.json`, "join");
  const encoder = await ort.InferenceSession.create(`${folder}/encoder_model.onnx`);
  const decoder = await ort.InferenceSession.create(`${folder}/decoder_model.onnx`);
  const int32 = (row, shape) => new ort.Tensor("int32", Int32Array.from(row), shape);

  return async function translate(text) {
    const row = [...source.encode(text).slice(0, settings.options.max_source_length - 1), EOS];
    if (row.length === 1) return "";
    const inputs = await encoder.run({ source_ids: int32(row, [1, row.length]) });
    delete inputs.outputs;  // what is left are the states and the memory of the decoder
    inputs.few = new ort.Tensor("int64", BigInt64Array.of(4n), [1]);  // best tokens wanted
    const chosen = [];
    for (let id = BOS; chosen.length < maxLength; chosen.push(id)) {
      const outputs = await decoder.run({ ...inputs, token_ids: int32([id], [1]) });
      // The best one that is not padding, the unknown token or the beginning.
      id = Number(outputs.best_ids.data.find((token) => token >= EOS));
      if (id === EOS) break;
      for (const name of Object.keys(outputs)) {
        if (name.startsWith("next_")) inputs[name.slice("next_".length)] = outputs[name];
      }
    }
    return target.decode(chosen);
  };
}

// node translate.mjs FOLDER < LINES
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const translate = await loadTranslator(process.argv[2]);
  const lines = (await readText(process.stdin)).split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) console.log(await translate(line));
}
