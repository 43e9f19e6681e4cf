package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/testenv/model"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", ``, "couldn't parse script"},
		{"two documents", small + small, "text after its end"},
		{"a field that means nothing", `{"model": "m", "mian": []}`, "unknown field"},
		{"no model", `{"main": [{"text": "x"}]}`, "names no model"},
		{"no turn", `{"model": "m"}`, "has no turn"},
		{"a silent turn", `{"model": "m", "main": [{}]}`, "turn 0 says nothing"},
		{"an error that is none", `{"model": "m", "main": [{"error": {"status": 200}}]}`, "fails with status 200"},
		{"a tool without name", `{"model": "m", "main": [{"tools": [{"input": {}}]}]}`, "without name or input"},
		{"a tool without input", `{"model": "m", "main": [{"tools": [{"name": "Bash"}]}]}`, "without name or input"},
		{"an agent without marker", `{"model": "m", "main": [{"text": "x"}], "agents": [{"turns": [{"text": "x"}]}]}`, "agent 0 has no marker"},
		{"markers that contain each other", `{"model": "m", "main": [{"text": "x"}], "agents": [{"marker": "ab"}, {"marker": "abc"}]}`, "match the same prompt"},
		{"a placeholder without value", `{"model": "{{name}}", "main": [{"text": "x"}]}`, "no value for {{name}}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := model.Parse([]byte(test.text), nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestParseFillsIn(t *testing.T) {
	t.Parallel()
	const text = `{"model": "m", "main": [{"text": "{{dir}} and {{other}}"}]}`
	for _, value := range []string{"/home/dev/shop", `C:\dev "x"`, "{{other}}", "日本"} {
		s, err := model.Parse([]byte(text), map[string]string{"dir": value, "other": "B"})
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if want := value + " and B"; s.Main[0].Text != want {
			t.Errorf("text %q, want %q", s.Main[0].Text, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small), "/dir")
	f.Add([]byte(`{"model": "{{dir}}", "main": [{"text": "{{"}]}`), `"`)
	f.Fuzz(func(t *testing.T, text []byte, dir string) {
		s, err := model.Parse(text, map[string]string{"dir": dir})
		if err != nil {
			return
		}
		// What is accepted can be served, and read again from its own JSON if that holds no placeholder.
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("accepted what has no JSON form: %v", err)
		}
		if strings.Contains(string(again), "{{") {
			return
		}
		if _, err := model.Parse(again, nil); err != nil {
			t.Errorf("its own JSON form is refused: %v", err)
		}
	})
}
