// Asks a model, and puts its answer together.

import { ask, stream } from "./api.js";
import { make, say } from "./elements.js";
import { bars, heatMap } from "./figures.js";
import { extend, paragraph, piece, pieces } from "./tokens.js";

/** Shows in `place` how likely each label is. */
export async function classify(body, place, signal) {
  const { label, probabilities } = await ask("v1/classify", body, signal);
  const entries = probabilities.map((each) => [each.label, each.probability]);
  place.append(bars(entries.sort(([, one], [, other]) => other - one), label));
}

/** Shows in `place` the likely tokens of each mask. */
export async function fill(body, place, signal) {
  for (const found of await ask("v1/fill", body, signal)) {
    place.append(
      bars(
        found.map(({ token, probability }) => [token, probability]),
        found[0].token,
      ),
    );
  }
}

/** Shows in `place` the generated texts: one as it comes, or all that a beam search has found. */
export async function generate(body, place, signal) {
  const list = make("ol", { class: "texts" });
  place.append(list);
  body.details = true;
  if (body.sampler === "beam") {
    for (const result of await ask("v1/generate", body, signal)) {
      list.append(make("li", {}, paragraph(pieces(result)), ...facts(result)));
    }
  } else {
    const text = paragraph();
    const item = make("li", {}, text);
    list.append(item);
    for await (const event of stream("v1/generate", body, signal)) {
      if (event.result) item.append(...facts(event.result));
      else extend(text, piece(event.text, event));
    }
  }
  list.querySelector("details")?.setAttribute("open", ""); // that of the best
}

/** Returns what stands below the text of a result. */
function facts(result) {
  const parts = [
    [say("span", "score"), " ", result.score.toFixed(2)],
    [say("span", "normalised_score"), " ", result.normalised_score.toFixed(2)],
  ];
  if (result.finish_reason === "length") parts.push([say("span", "cut")]);
  const line = make("p", { class: "facts" }, ...parts.map((part) => make("span", {}, ...part)));
  return result.attention ? [line, heatMap(result)] : [line];
}
