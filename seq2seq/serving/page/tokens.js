// A generated text whose tokens are shaded by probability. A token pointed at, or reached with Tab
// and the arrow keys, shows what else could have stood in its place.

import { make, weigh } from "./elements.js";
import { bars, visible } from "./figures.js";

const tooltip = document.querySelector("#alternatives");
const facts = new WeakMap(); // from the element of a token to the token as the server sent it

/** Returns the nodes of a token that adds `text` to the text: first white space, without shade. */
export function piece(text, token) {
  if (token.token === null) return [text]; // a prompt
  const start = text.trim() ? text.search(/\S/) : 0;
  const element = make("span", { class: "token", tabindex: -1 }, text.slice(start));
  // What adds nothing, such as [EOS], is drawn by the style sheet: it is no part of the text.
  if (start === text.length) element.dataset.name = visible(token.token);
  facts.set(element, token);
  return [text.slice(0, start), weigh(element, token.probability)];
}

/** Returns the nodes of a whole result: found from its end, since it may begin with a prompt. */
export function pieces({ text, tokens }) {
  const nodes = [];
  let end = text.length;
  for (const token of tokens.toReversed()) {
    const plain = token.token.replace(/^[▁￭]+|[▁￭]+$/g, ""); // marks that are no part of the text
    const found = plain.length > end ? -1 : text.lastIndexOf(plain, end - plain.length);
    const start = found < 0 ? end : found;
    nodes.unshift(...piece(text.slice(start, end), token));
    end = start;
  }
  return [text.slice(0, end), ...nodes];
}

/** Returns a paragraph for such nodes, where Tab stops once and the arrow keys go on. */
export function paragraph(nodes = []) {
  const element = make("p", { class: "tokens" });
  element.addEventListener("keydown", move);
  extend(element, nodes);
  return element;
}

/** Adds nodes to such a paragraph. */
export function extend(element, nodes) {
  element.append(...nodes);
  if (element.querySelector(".token[tabindex='0']")) return;
  element.querySelector(".token")?.setAttribute("tabindex", 0);
}

function move(event) {
  const tokens = [...event.currentTarget.querySelectorAll(".token")];
  const here = tokens.indexOf(event.target);
  const places = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: tokens.length - 1 };
  if (!(event.key in places) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  tokens[places[event.key]]?.focus();
}

function show(element) {
  const { token, probability, alternatives } = facts.get(element);
  const entries = alternatives.map((other) => [other.token, other.probability]);
  if (!entries.some(([name]) => name === token)) entries.push([token, probability]);
  tooltip.replaceChildren(bars(entries, token));
  tooltip.hidden = false;
  element.setAttribute("aria-describedby", tooltip.id);
  place(element.getBoundingClientRect());
}

/** Places the alternatives under a token, or over it where there is no room. */
function place({ left, top, bottom }) {
  const { offsetWidth: width, offsetHeight: height } = tooltip;
  const rightmost = document.documentElement.clientWidth - width - 16;
  const under = bottom + height <= innerHeight || top < height;
  tooltip.style.left = `${Math.max(16, Math.min(left, rightmost)) + scrollX}px`;
  tooltip.style.top = `${(under ? bottom : top - height) + scrollY}px`;
}

export function hideAlternatives() {
  tooltip.hidden = true;
}

document.addEventListener("mouseover", ({ target }) => {
  if (tooltip.contains(target)) return;
  // Once put away by Escape they stay away: what lay under them then lies under the pointer.
  const focused = tooltip.hidden ? null : document.activeElement?.closest(".token");
  const element = target.closest(".token") ?? focused;
  if (element) show(element);
  else hideAlternatives();
});
document.addEventListener("focusin", ({ target }) => {
  if (!target.matches(".token")) return;
  for (const other of target.parentElement.querySelectorAll(".token")) other.tabIndex = -1;
  target.tabIndex = 0;
  show(target);
});
document.addEventListener("focusout", hideAlternatives);
document.addEventListener("keydown", ({ key }) => key === "Escape" && hideAlternatives());
