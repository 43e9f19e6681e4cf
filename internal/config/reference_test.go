package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/config"
)

var update = flag.Bool("update", false, "write docs/server.md anew")

const (
	page  = "../../docs/server.md"
	begin = "<!-- written by go test ./internal/config -update -->\n"
	end   = "<!-- as far as here -->\n"
)

// TestReference keeps the settings in docs/server.md what the struct says.
func TestReference(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the settings", page)
	}
	want := reference(t)
	if *update {
		if err := os.WriteFile(page, []byte(head+begin+want+end+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("%s does not have the settings as they are: go test ./internal/config -update", page)
	}
}

// TestExample keeps the example of a file what the server takes.
func TestExample(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../../deploy/server.toml"} {
		if _, err := config.Load(config.Sources{File: path, Env: env()}); err != nil {
			t.Error(err)
		}
	}
}

// comments are those of the package's structs: "Config.Listen", "TLS".
func comments(t *testing.T) map[string]string {
	t.Helper()
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(f os.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments) //nolint:staticcheck // one package without build tags is what it's good for
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	ast.Inspect(files["config"], func(n ast.Node) bool {
		d, ok := n.(*ast.GenDecl)
		if !ok {
			return true
		}
		for _, spec := range d.Specs {
			typ, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			docs[typ.Name.Name] = line(d.Doc.Text())
			if s, ok := typ.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						docs[typ.Name.Name+"."+name.Name] = line(f.Doc.Text())
					}
				}
			}
		}
		return false
	})
	return docs
}

func line(comment string) string { return strings.Join(strings.Fields(comment), " ") }

func reference(t *testing.T) string {
	t.Helper()
	docs := comments(t)
	byName := map[string]config.Setting{}
	for _, s := range config.Settings() {
		byName[s.Name] = s
	}
	var b strings.Builder
	var table func(v reflect.Type, name, title string)
	table = func(typ reflect.Type, name, title string) {
		var inner []func()
		if name != "" {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n", title, docs[typ.Name()])
		}
		b.WriteString("\n| setting | variable | flag | default | meaning |\n|---|---|---|---|---|\n")
		for i := range typ.NumField() {
			f := typ.Field(i)
			full := strings.TrimPrefix(name+"."+f.Tag.Get("toml"), ".")
			doc := docs[typ.Name()+"."+f.Name]
			if doc == "" {
				t.Errorf("%s.%s says nothing of itself", typ.Name(), f.Name)
			}
			s, plain := byName[full]
			switch {
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				inner = append(inner, func() { table(f.Type.Elem(), full, "`[["+full+"]]`") })
			case f.Type.Kind() == reflect.Struct && !plain:
				inner = append(inner, func() { table(f.Type, full, "`["+full+"]`") })
			default:
				said, variable, value := strings.TrimPrefix(doc, f.Name+" "), "", ""
				if plain {
					variable, value = code(s.Env), code(s.Default)
				}
				option := ""
				if s.Flag != "" {
					option = code("--" + s.Flag)
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Tag.Get("toml"), variable, option, value, strings.ReplaceAll(said, "|", `\|`))
			}
		}
		for _, next := range inner {
			next()
		}
	}
	table(reflect.TypeFor[config.Config](), "", "")
	return b.String() + "\n"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
