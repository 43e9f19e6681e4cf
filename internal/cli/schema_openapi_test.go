package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/auth"
)

// TestSchemaOfAPI keeps docs/openapi.json, which the server serves, what the
// table of operations and the Go types say.
func TestSchemaOfAPI(t *testing.T) {
	t.Parallel()
	g := generator{docs: readDocs(t, "../..", "../ask", "../api", "../witness", "../../proof"), defs: map[string]object{}}
	doc := g.openAPI(api.Operations())
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	// A schema refers to others where the document keeps them.
	text = []byte(strings.ReplaceAll(string(text), `"#/$defs/`, `"#/components/schemas/`))
	golden(t, "../../docs/openapi.json", append(text, '\n'))
}

const aboutAPI = `Record what agents do, and ask what they did. Answers have the very fields that the command line prints with --json. Times are RFC 3339 in UTC, money is millionths of a US dollar (…_micros), and what is not known is null or counted apart, never zero. Fields are only ever added: read what you know and ignore the rest. Errors are application/problem+json (RFC 9457).`

// openAPI makes the document (OpenAPI 3.1, whose schemas are JSON Schema
// 2020-12).
func (g *generator) openAPI(operations []api.Operation) object {
	paths := object{}
	for i := range operations {
		o := &operations[i]
		entry := member{strings.ToLower(o.Method), g.operation(o)}
		if at := slices.IndexFunc(paths, func(m member) bool { return m.name == o.Path }); at >= 0 {
			paths[at].value = append(paths[at].value.(object), entry)
			continue
		}
		paths = append(paths, member{o.Path, object{entry}})
	}
	problem := g.ref(reflect.TypeFor[api.Problem]())
	schemas := object{}
	for i := 0; i < len(g.refs); i++ {
		schemas = append(schemas, member{g.refs[i], g.defs[g.refs[i]]})
	}
	return object{
		{"openapi", "3.1.0"},
		{"info", object{
			{"title", "whodid"},
			{"version", "1"},
			{"summary", "The audit trail for AI agents"},
			{"description", aboutAPI},
			{"license", object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
		}},
		{"jsonSchemaDialect", "https://json-schema.org/draft/2020-12/schema"},
		{"servers", []object{{{"url", "/"}}}},
		{"security", []object{{{"token", []string{}}}}},
		{"tags", []object{
			{{"name", "record"}, {"description", "Record what happens. It needs the role recorder."}},
			{{"name", "ask"}, {"description", "Ask what happened. It needs the role reader."}},
			{{"name", "prove"}, {"description", "Verify and prove. It needs the role auditor."}},
			{{"name", "sync"}, {"description", "Send a trail of another machine."}},
			{{"name", "about"}, {"description", "What the API itself is."}},
		}},
		{"paths", paths},
		{"components", object{
			{"securitySchemes", object{{"token", object{{"type", "http"}, {"scheme", "bearer"}, {"description", "An API token: whodid token create."}}}}},
			{"responses", object{{"Problem", object{
				{"description", "What was wrong."},
				{"content", object{{"application/problem+json", object{{"schema", problem}}}}},
			}}}},
			{"schemas", schemas},
		}},
	}
}

func (g *generator) operation(o *api.Operation) object {
	out := object{{"operationId", o.ID}, {"summary", o.Summary}}
	if o.Description != "" {
		out = append(out, member{"description", o.Description})
	}
	out = append(out, member{"tags", []string{o.Tag}})
	if o.Needs == "" {
		out = append(out, member{"security", []object{}})
	} else {
		out = append(out, member{"x-permission", string(o.Needs)}, member{"x-roles", rolesThatMay(o.Needs)})
	}
	var params []object
	for _, p := range o.Params {
		schema := object{{"type", p.Type}}
		if p.Type == "integer" {
			schema = append(schema, member{"minimum", 0})
		}
		param := object{{"name", p.Name}, {"in", p.In}, {"description", p.Meaning}, {"required", p.In == "path"}, {"schema", schema}}
		if p.Example != "" {
			var example any = p.Example
			if n, err := strconv.Atoi(p.Example); err == nil && p.Type == "integer" {
				example = n
			}
			param = append(param, member{"example", example})
		}
		params = append(params, param)
	}
	if params != nil {
		out = append(out, member{"parameters", params})
	}
	if o.In != nil {
		schema := g.ref(reflect.TypeOf(o.In))
		if o.Many {
			schema = object{{"oneOf", []object{schema, {{"type", "array"}, {"items", schema}, {"minItems", 1}, {"maxItems", api.MaxEvents}}}}}
		}
		out = append(out, member{"requestBody", object{{"required", true}, {"content", object{{"application/json", object{{"schema", schema}}}}}}})
	}
	media, schema := o.Media, object{{"type", "string"}}
	switch {
	case o.Out != nil:
		schema = g.ref(reflect.TypeOf(o.Out))
	case strings.HasSuffix(media, "json"):
		schema = object{{"type", "object"}}
	}
	if media == "" {
		media = "application/json"
	}
	responses := object{
		{strconv.Itoa(o.Success()), object{{"description", "What was asked for."}, {"content", object{{media, object{{"schema", schema}}}}}}},
	}
	if o.Needs != "" {
		responses = append(responses, member{"4XX", object{{"$ref", "#/components/responses/Problem"}}}, member{"5XX", object{{"$ref", "#/components/responses/Problem"}}})
	}
	return append(out, member{"responses", responses})
}

// ref is the schema of a type, kept among the components.
func (g *generator) ref(t reflect.Type) object { return g.schema(t) }

func rolesThatMay(p auth.Permission) []string {
	var roles []string
	for _, r := range auth.Roles() {
		if r.May(p) {
			roles = append(roles, string(r))
		}
	}
	return roles
}

// TestSchemaNamesOfAPI sees to it that no two types of the API have one name:
// the second would be described as the first.
func TestSchemaNamesOfAPI(t *testing.T) {
	t.Parallel()
	seen := map[string]reflect.Type{}
	var walk func(t reflect.Type)
	var twice []string
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			if old, ok := seen[definition(t)]; ok {
				if old != t {
					twice = append(twice, fmt.Sprintf("%s and %s", old, t))
				}
				return
			}
			seen[definition(t)] = t
			for f := range t.Fields() {
				if f.IsExported() {
					walk(f.Type)
				}
			}
		default:
		}
	}
	operationID := regexp.MustCompile(`^[a-z][A-Za-z]+$`)
	for _, o := range api.Operations() {
		if !operationID.MatchString(o.ID) {
			t.Errorf("%q is no name of an operation", o.ID)
		}
		for _, v := range []any{o.In, o.Out} {
			if v != nil {
				walk(reflect.TypeOf(v))
			}
		}
	}
	if len(twice) > 0 {
		t.Errorf("one name for two types: %v", twice)
	}
}
