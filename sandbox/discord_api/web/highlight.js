/**
 * A small generic highlighter for fenced code: comments, strings, numbers, keywords. It knows families of
 * languages, not grammars; what it does not know stays plain, and no character is ever lost.
 *
 * @typedef {{kind: "plain"|"comment"|"string"|"number"|"keyword"|"name"|"added"|"removed", text: string}} Token
 */

const C_LIKE = { line: "//", block: true };
const HASH = { line: "#" };

const KEYWORDS = {
  python:
    "and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield None True False self",
  javascript:
    "async await break case catch class const continue default delete do else export extends false finally for from function if import in instanceof interface let new null of return static super switch this throw true try type typeof undefined var void while yield enum implements readonly",
  c: "auto bool break case char class const constexpr continue default delete do double else enum extern false float for goto if inline int long namespace new nullptr operator private protected public return short signed sizeof static struct switch template this throw true try typedef typename union unsigned using virtual void volatile while include define",
  java: "abstract boolean break byte case catch char class const continue default do double else enum extends false final finally float for if implements import instanceof int interface long new null package private protected public return short static super switch synchronized this throw throws true try var void volatile while fun val when object override record string using namespace",
  rust: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while",
  go: "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var nil true false",
  shell:
    "if then else elif fi for while until do done case esac in function select time return exit export local readonly set unset source alias sudo echo cd",
  sql: "select from where insert into values update set delete create table alter drop index view join left right inner outer full on as and or not null is in exists between like group by order having limit offset union all distinct primary key foreign references default constraint begin commit rollback with case when then else end concurrently unique if add column",
  ruby: "alias and begin break case class def do else elsif end ensure false for if in module next nil not or redo rescue retry return self super then true undef unless until when while yield require",
  data: "true false null yes no on off",
  lua: "and break do else elseif end false for function goto if in local nil not or repeat return then true until while",
};

const FAMILIES = [
  { names: "py python python3 pycon", words: "python", ...HASH, triple: true },
  { names: "js javascript jsx ts typescript tsx mjs cjs", words: "javascript", ...C_LIKE, tick: true },
  { names: "c cpp c++ h hpp cc arduino glsl metal cuda", words: "c", ...C_LIKE },
  { names: "java kotlin kt cs csharp c# scala groovy dart swift", words: "java", ...C_LIKE },
  { names: "rust rs", words: "rust", ...C_LIKE, lifetimes: true },
  { names: "go golang", words: "go", ...C_LIKE, tick: true },
  { names: "sh bash zsh shell console fish powershell ps1", words: "shell", ...HASH },
  { names: "dockerfile docker makefile make", words: "shell", ...HASH },
  { names: "sql psql postgresql mysql sqlite", words: "sql", line: "--", block: true, ignoreCase: true },
  { names: "rb ruby elixir ex perl pl r", words: "ruby", ...HASH },
  { names: "json json5 jsonc", words: "data", ...C_LIKE },
  { names: "yaml yml toml ini conf properties", words: "data", ...HASH },
  { names: "lua haskell hs", words: "lua", line: "--" },
  { names: "css scss less", words: "data", block: true },
  { names: "php", words: "javascript", ...C_LIKE },
];

const BY_NAME = new Map(FAMILIES.flatMap((family) => family.names.split(" ").map((name) => [name, compile(family)])));

/**
 * @param {string} code
 * @param {string} language the fence's label, any case; unknown or empty gives one plain token
 * @returns {Token[]} whose texts joined are exactly `code`
 */
export function highlight(code, language) {
  const name = language.toLowerCase();
  if (name === "diff" || name === "patch") return diffTokens(code);
  const family = BY_NAME.get(name);
  return family ? tokens(code, family) : [{ kind: "plain", text: code }];
}

function compile(family) {
  const comment = [];
  if (family.line) comment.push(`${escapePattern(family.line)}[^\\n]*`);
  if (family.block) comment.push("/\\*[\\s\\S]*?(?:\\*/|$)");
  const string = ['"(?:\\\\.|[^"\\\\\\n])*"?'];
  if (family.triple) string.unshift('"""[\\s\\S]*?(?:"""|$)', "'''[\\s\\S]*?(?:'''|$)");
  string.push(family.lifetimes ? "'(?:\\\\.|[^'\\\\\\n])'" : "'(?:\\\\.|[^'\\\\\\n])*'?");
  if (family.tick) string.push("`(?:\\\\.|[^`\\\\])*`?");
  const number = "\\b(?:0[xX][\\da-fA-F_]+|0[bB][01_]+|\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\w*";
  const word = "[A-Za-z_$][\\w$]*";
  const source = `(${comment.join("|") || "(?!)"})|(${string.join("|")})|(${number})|(${word})`;
  const words = KEYWORDS[family.words].split(" ");
  return { pattern: new RegExp(source, "g"), words: new Set(words), ignoreCase: family.ignoreCase === true };
}

function tokens(code, family) {
  const found = [];
  let position = 0;
  for (const match of code.matchAll(family.pattern)) {
    if (match.index > position) found.push({ kind: "plain", text: code.slice(position, match.index) });
    position = match.index + match[0].length;
    found.push({ kind: kindOf(match, family, code[position]), text: match[0] });
  }
  if (position < code.length) found.push({ kind: "plain", text: code.slice(position) });
  return found;
}

function kindOf(match, family, following) {
  if (match[1] !== undefined) return "comment";
  if (match[2] !== undefined) return "string";
  if (match[3] !== undefined) return "number";
  const word = family.ignoreCase ? match[4].toLowerCase() : match[4];
  if (family.words.has(word)) return "keyword";
  return following === "(" ? "name" : "plain";
}

function diffTokens(code) {
  return code.split(/(?<=\n)/).map((line) => ({ kind: diffKind(line), text: line }));
}

function diffKind(line) {
  if (line.startsWith("@@")) return "keyword";
  if (/^(\+\+\+|---|diff |index )/.test(line)) return "comment";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "plain";
}

function escapePattern(text) {
  return text.replace(/[/\\^$*+?.()|[\]{}]/g, "\\$&");
}
