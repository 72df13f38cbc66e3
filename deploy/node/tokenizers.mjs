// Texts to ids and back, exactly as seq2seq's WordTokenizer and CharTokenizer do it.

import { readFile } from "node:fs/promises";

const UNK = 1, FIRST = 4;  // ids: of a token outside the vocabulary, and of its first token
const SPACE = "▁", GLUE = "￭";  // marks of unusual spacing

// What Python calls white space, a word's letter, and the scripts written without spaces.
const WHITE = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const WORD = String.raw`\p{L}\p{N}_`;
const HAN = String.raw`\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}`;
const KANA = String.raw`\u3040-\u30ff\u31f0-\u31ff`;
const FULL_WIDTH = String.raw`\u3000-\u303f\ufe30-\ufe4f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65`;
const SYMBOL = String.raw`!-\/:-@\[-\^\x60\{-~\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb-\xbf\xd7\xf7`
  + String.raw`\u2010-\u205e\u20a0-\u20cf\u2100-\u2bff\u{1f000}-\u{1faff}` + FULL_WIDTH;

// The pieces of seq2seq/text/tokenizers.py, in its order.
const LETTER = `[^${WHITE}${SYMBOL}${HAN}${KANA}]`;
const CONTRACTION = `['’](?:[sSſtTdDmM]|[rRvV][eE]|[lL]{2})(?!${LETTER})`;
const PIECES = new RegExp([
  String.raw`\p{Nd}+(?:[.,:]\p{Nd}+)+(?!${LETTER})`,  // 3.14, 1,000, 12:30
  `&[${WORD}]+;${LETTER}*`,  // &apos;s
  `${LETTER}+(?:-${LETTER}+)*(?:(?!${CONTRACTION})['’](?=${LETTER}))?`,  // t-shirt, l'
  CONTRACTION,  // 's, 't
  String.raw`[${HAN}${KANA}]|([${SYMBOL}])\1{0,2}`,  // 你, “, ……
].join("|"), "gu");

// Which neighbours are usually written without a space: seq2seq/text/spacing.py.
const SOLID = `[${HAN}${KANA}${FULL_WIDTH}]`;
const NO_SPACE_BEFORE = new RegExp(String.raw`^(?:${SOLID}|[.,!?;:%)\]}…»”]|['’][${WORD}])`, "u");
const NO_SPACE_AFTER = new RegExp(String.raw`(?:${SOLID}|[(\[{«“¿¡#@$£€]|[${WORD}]['’])$`, "u");
const STARTS_WITH_SYMBOL = new RegExp(`^[${SYMBOL}]`, "u");
const isJoined = (left, right) => NO_SPACE_BEFORE.test(right) || NO_SPACE_AFTER.test(left);

const chunksOf = (text) => text.split(new RegExp(`[${WHITE}]+`, "u")).filter(Boolean);

function splitWords(text) {
  const tokens = [];
  let left = null;
  for (const chunk of chunksOf(text.replace(/[▁￭]/g, " "))) {
    (chunk.match(PIECES) ?? []).forEach((piece, i) => {
      const spaced = i === 0;
      let token = piece;
      if (left !== null && spaced === isJoined(left, piece)) {  // not as usual: a mark says so
        const mark = spaced ? SPACE : GLUE;
        if (STARTS_WITH_SYMBOL.test(piece)) token = mark + piece;
        else if (STARTS_WITH_SYMBOL.test(left)) tokens[tokens.length - 1] += mark;
        else tokens.push(mark);
      }
      tokens.push(token);
      left = piece;
    });
  }
  return tokens;
}

function joinWords(tokens) {
  let text = "", left = null, mark = null;
  for (const token of tokens) {
    const piece = token.replace(/^[▁￭]+|[▁￭]+$/g, "");
    if (!piece) { mark = token.at(-1); continue; }
    if (token[0] !== piece[0]) mark = token[0];
    const joined = left === null || (mark ? mark === GLUE : isJoined(left, piece));
    text += joined ? piece : ` ${piece}`;
    left = piece;
    mark = token.at(-1) === piece.at(-1) ? null : token.at(-1);
  }
  return text;
}

const TOKENIZERS = {
  "seq2seq>CharTokenizer": {
    split: (text) => [...chunksOf(text).join(" ")],
    join: (tokens) => tokens.join(""),
  },
  "seq2seq>WordTokenizer": { split: splitWords, join: joinWords },
  "seq2seq>JiebaTokenizer": { join: joinWords },  // to split by its words takes jieba
};

/** Reads a tokenizer to "split" texts into ids or to "join" ids to texts. */
export async function loadTokenizer(path, use) {
  const { registered_name: name, config } = JSON.parse(await readFile(path, "utf8"));
  const tokenizer = TOKENIZERS[name];
  if (!tokenizer?.[use]) {
    throw new Error(`Expected ${path} to be a word or character tokenizer. Received: ${name}.`);
  }
  const ids = new Map(config.vocabulary.map((token, i) => [token, FIRST + i]));
  return {
    encode: (text) => tokenizer.split(config.lowercase ? text.toLowerCase() : text)
      .map((token) => ids.get(token) ?? UNK),
    decode: (row) => tokenizer.join(
      row.filter((id) => id >= FIRST).map((id) => config.vocabulary[id - FIRST])),
  };
}
