package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/proof"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// generator makes JSON Schemas (draft 2020-12) of Go types as encoding/json
// writes them, with the comments of types and fields as descriptions.
type generator struct {
	docs map[string]string // by "package.Type" and "package.Type.Field"
	defs map[string]object
	refs []string // the names of defs, in the order in which they were met
}

// enums are the words that a field may hold, by type and Go field name, or by
// type alone.
func enums() map[string][]string {
	words := func(list ...string) []string { return list }
	states := words(ask.CheckOK, ask.CheckWarning, ask.CheckProblem)
	costs := words(string(whodid.CostMeasured), string(whodid.CostComputed), string(whodid.CostUnknown))
	results := words("")
	for _, r := range whodid.Results() {
		results = append(results, string(r))
	}
	var statuses []string
	for _, s := range whodid.Statuses() {
		statuses = append(statuses, string(s))
	}
	var outcomes, checks, codes []string
	for _, o := range policy.Outcomes() {
		outcomes = append(outcomes, string(o))
	}
	for _, c := range policy.Checks() {
		checks = append(checks, string(c))
	}
	for _, c := range policy.Codes() {
		codes = append(codes, string(c))
	}
	var tokenStates, roles []string
	for _, s := range auth.TokenStates() {
		tokenStates = append(tokenStates, string(s))
	}
	for _, r := range auth.Roles() {
		roles = append(roles, string(r))
	}
	return map[string][]string{
		"auth.TokenState": tokenStates,
		"auth.Role":       roles,

		"policy.Outcome":  outcomes,
		"policy.Check":    checks,
		"policy.Code":     codes,
		"policy.Severity": words(string(policy.Blocker), string(policy.Warning)),

		"ask.Doctor.State":         states,
		"ask.Check.State":          states,
		"ask.Execution.Status":     statuses,
		"ask.Execution.CostState":  costs,
		"ask.Execution.Trigger":    words("", whodid.TriggerManual, whodid.TriggerScheduled, whodid.TriggerEvent, whodid.TriggerSmart),
		"ask.ModelUsage.CostState": costs,
		"ask.Action.Result":        results,
		"ask.Event.Result":         results,
		"ask.Confirmation.State":   words(ask.Confirmed, ask.Contradicted, ask.Unconfirmed),
		"ask.Pull.State":           words(ask.PullOpen, ask.PullClosed, ask.PullMerged, ask.PullUnknown),
		"proof.State":              words(string(proof.Proved), string(proof.Conditional), string(proof.NotShown), string(proof.Refuted)),
	}
}

func (g *generator) document(command string, v any) object {
	g.defs, g.refs = map[string]object{}, nil
	t := reflect.TypeOf(v)
	root := g.structure(t)
	doc := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "whodid " + command + " --json"},
	}
	if about := g.docs[typeName(t)]; about != "" {
		doc = append(doc, member{"description", about})
	}
	doc = append(doc, root...)
	if len(g.refs) > 0 {
		var defs object
		for i := 0; i < len(g.refs); i++ {
			defs = append(defs, member{g.refs[i], g.defs[g.refs[i]]})
		}
		doc = append(doc, member{"$defs", defs})
	}
	return doc
}

// structure is the schema of a struct; fields of embedded structs are its own.
func (g *generator) structure(t reflect.Type) object {
	properties, required := g.fields(t)
	if required == nil {
		required = []string{}
	}
	return object{{"type", "object"}, {"properties", properties}, {"required", required}}
}

func (g *generator) fields(t reflect.Type) (properties object, required []string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			p, r := g.fields(f.Type)
			properties, required = append(properties, p...), append(required, r...)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		key := typeName(t) + "." + f.Name
		schema := g.schema(f.Type)
		if words := enums()[key]; words != nil {
			schema = append(schema, member{"enum", words})
		}
		if about := g.docs[key]; about != "" {
			schema = append(schema, member{"description", about})
		}
		properties = append(properties, member{name, schema})
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return properties, required
}

func (g *generator) schema(t reflect.Type) object {
	text := reflect.TypeFor[encoding.TextMarshaler]()
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{{"type", "string"}, {"format", "date-time"}}
	case t == reflect.TypeFor[whodid.Data]():
		return object{{"type", "object"}, {"additionalProperties", object{{"type", []string{"string", "integer", "boolean", "array"}}}}}
	case t.Kind() == reflect.Pointer:
		inner := g.schema(t.Elem())
		if kind, ok := inner.get("type").(string); ok {
			inner[0].value = []string{kind, "null"}
			return inner
		}
		return object{{"anyOf", []object{inner, {{"type", "null"}}}}}
	case t.Implements(text):
		return object{{"type", "string"}}
	}
	switch t.Kind() {
	case reflect.String:
		s := object{{"type", "string"}}
		if words := enums()[typeName(t)]; words != nil {
			s = append(s, member{"enum", words})
		}
		return s
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int, reflect.Int64:
		return object{{"type", "integer"}}
	case reflect.Uint64:
		return object{{"type", "integer"}, {"minimum", 0}}
	case reflect.Float64:
		return object{{"type", "number"}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", g.schema(t.Elem())}}
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", g.schema(t.Elem())}}
	case reflect.Struct:
		name := definition(t)
		if _, known := g.defs[name]; !known {
			g.defs[name] = nil // for types that hold themselves
			g.refs = append(g.refs, name)
			def := g.structure(t)
			if about := g.docs[typeName(t)]; about != "" {
				def = append(object{{"description", about}}, def...)
			}
			g.defs[name] = def
		}
		return object{{"$ref", "#/$defs/" + name}}
	default:
		panic(fmt.Sprintf("no schema for %s", t))
	}
}

// definition is the name of a type's schema: its own, but for the event as trails
// keep it, which is not the one that questions answer with.
func definition(t reflect.Type) string {
	if t == reflect.TypeFor[whodid.Event]() {
		return "TrailEvent"
	}
	return t.Name()
}

// typeName is "package.Type", which is unique among our packages.
func typeName(t reflect.Type) string {
	return t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:] + "." + t.Name()
}

// readDocs reads the comments of the types and fields in folders of Go files.
func readDocs(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no Go files in %s: %v", dir, err)
		}
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				decl, ok := n.(*ast.GenDecl)
				if !ok || decl.Tok != token.TYPE {
					return true
				}
				for _, spec := range decl.Specs {
					s := spec.(*ast.TypeSpec)
					name := f.Name.Name + "." + s.Name.Name
					docs[name] = sentence(decl.Doc)
					if st, ok := s.Type.(*ast.StructType); ok {
						readFieldDocs(docs, name, st)
					}
				}
				return false
			})
		}
	}
	return docs
}

// readFieldDocs notes the comment above or behind each field of a struct.
func readFieldDocs(docs map[string]string, name string, st *ast.StructType) {
	for _, field := range st.Fields.List {
		about := sentence(field.Doc)
		if about == "" {
			about = sentence(field.Comment)
		}
		for _, ident := range field.Names {
			docs[name+"."+ident.Name] = about
		}
	}
}

// sentence is a comment on one line.
func sentence(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}
