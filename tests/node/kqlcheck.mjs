// Asks Microsoft's own Kusto parser about queries and management commands, offline.
//
// One JSON document a line, one answer a line, in order.
//   {"schema": {"database", "cluster", "tables": {"T": "(a:long)"}, "functions": {"f": {"params", "body"}}}}
//       what names mean from now on; no answer
//   {"id", "text"}
//       -> {"id", "kind": "Query" | "Command", "command", "ok", "diagnostics": [...], "names", "strings"}
// `command` is the kind of a management command. `names` and `strings` are what the parser reads
// back: every name and the value of every string literal, in the order of the text.
import { createRequire } from 'node:module';
import path from 'node:path';

const tools = process.env.KUSTO_COPY_NODE_TOOLS;
if (!tools) {
  process.stderr.write('KUSTO_COPY_NODE_TOOLS must name the folder that holds node_modules\n');
  process.exit(2);
}
const load = createRequire(path.join(path.resolve(tools), 'package.json'));
// The runtime comes first: the parser registers itself in the globals that the runtime makes.
for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  load(`@kusto/language-service-next/${file}`);
}
const { GlobalState, KustoCode, Symbols, Syntax } = globalThis.Kusto.Language;

/** A .NET list as an array. */
function items(list) {
  if (!list) return [];
  if (Array.isArray(list)) return list;
  const count = globalThis.System.Array.getCount(list);
  return Array.from({ length: count }, (_, i) => globalThis.System.Array.getItem(list, i));
}

/** The names that a text may use. */
function globalsOf({ database = 'db', cluster = 'cluster', tables = {}, functions = {} }) {
  const members = [
    ...Object.entries(tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null)),
    ...Object.entries(functions).map(
      ([name, { params = '()', body }]) => new Symbols.FunctionSymbol.$ctor16(name, params, body, null),
    ),
  ];
  const db = new Symbols.DatabaseSymbol.ctor(database, members);
  return GlobalState.Default.WithCluster(new Symbols.ClusterSymbol.ctor(cluster, [db])).WithDatabase(db);
}

/** `root` and every node and token below it, in the order of the text; not below those for which `visit` says false. */
function walk(root, visit) {
  if (visit(root) === false) return;
  for (let i = 0; i < root.ChildCount; i += 1) {
    const child = root.GetChild(i);
    if (child) walk(child, visit);
  }
}

const typeName = (node) => globalThis.Bridge.getTypeName(node).split('.').pop();
const unparsed = new Set(['UnknownCommand', 'PartialCommand', 'BadCommand']);

/** What the tree says: the command's kind, and what names and strings came out of the text. */
function read(tree) {
  const found = { command: null, unknown: null, names: [], strings: [] };
  walk(tree, (node) => {
    const type = typeName(node);
    if (node instanceof Syntax.Command && type !== 'CommandBlock' && found.command === null) {
      found.command = node.CommandKind ?? type;
      if (unparsed.has(type)) found.unknown = type;
    } else if (type === 'NameReference' || type === 'NameDeclaration') {
      if (node.SimpleName) found.names.push(node.SimpleName);
      return false; // a name in brackets holds a string, which is no value
    } else if (type === 'CompoundStringLiteralExpression') {
      found.strings.push(node.LiteralValue);
      return false;
    } else if (type === 'LiteralExpression' && typeof node.LiteralValue === 'string') {
      found.strings.push(node.LiteralValue);
    }
    return true;
  });
  return found;
}

function check(id, text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const { command, unknown, names, strings } = read(code.Syntax);
  const diagnostics = items(code.GetDiagnostics()).map((d) => ({
    code: d.Code,
    severity: d.Severity,
    message: d.Message,
    text: text.slice(d.Start, d.Start + d.Length),
  }));
  if (unknown !== null) {
    // The parser itself keeps silent about some texts that match no command.
    diagnostics.push({ code: unknown, severity: 'Error', message: 'no management command matches', text });
  }
  const ok = !diagnostics.some((d) => d.severity === 'Error');
  return { id, kind: code.Kind, command, ok, diagnostics, names, strings };
}

let globals = GlobalState.Default;

function answer(line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch (error) {
    return { error: `the request is not understood: ${error.message}` };
  }
  const { id, text, schema } = request;
  try {
    if (text !== undefined) return check(id, text, schema ? globalsOf(schema) : globals);
    globals = globalsOf(schema);
    return undefined;
  } catch (error) {
    return { id, error: String(error?.message ?? error) };
  }
}

function handle(line) {
  if (line.trim() === '') return;
  const answered = answer(line);
  if (answered) process.stdout.write(`${JSON.stringify(answered)}\n`);
}

// Lines end at \n alone: a text may contain the other characters that Node's line reader ends them at.
let rest = '';
process.stdin.setEncoding('utf8');
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  lines.forEach(handle);
}
handle(rest);
