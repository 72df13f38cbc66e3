// Probabilities as bars, attention as a heat map.

import { make, say, weigh } from "./elements.js";
import { word } from "./words.js";

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Returns a token that can be seen, even if it is a space. */
export function visible(token) {
  return token.trim() ? token : token.replaceAll("\n", "↵").replaceAll(/\s/g, "␣");
}

/** Returns a list of names with their probabilities as bars; the chosen one stands out. */
export function bars(entries, chosen) {
  const rows = entries.map(([name, probability]) =>
    make(
      "li",
      { class: name === chosen ? "chosen" : "other" },
      make("span", { class: "name" }, visible(name)),
      " ",
      make("span", { class: "value" }, percent.format(probability)),
      weigh(make("span", { class: "bar" }), probability),
    ),
  );
  return make("ol", { class: "bars" }, ...rows);
}

/** Returns the attention of a result: each token's row over the columns of the source tokens. */
export function heatMap({ tokens, source_tokens: sources, attention }) {
  const columns = sources.map((source) => make("th", { scope: "col" }, make("span", {}, source)));
  const rows = attention.map((weights, row) => {
    const cells = weights.map((weight, column) => {
      const value = weight.toFixed(2);
      const title = `${tokens[row].token} ← ${sources[column]}: ${value}`;
      return weigh(make("td", { title }, make("span", { class: "unseen" }, value)), weight);
    });
    return make("tr", {}, make("th", { scope: "row" }, visible(tokens[row].token)), ...cells);
  });
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, make("td", {}), ...columns)),
    make("tbody", {}, ...rows),
  );
  const label = { "data-label": "attention", "aria-label": word("attention") };
  const frame = make("div", { class: "frame", role: "region", tabindex: 0, ...label }, table);
  const summary = say("summary", "attention");
  // Read out when it is looked at, not when it comes.
  return make("details", { class: "attention", "aria-live": "off" }, summary, frame);
}
