package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestRulesAreCurrent(t *testing.T) {
	t.Parallel()
	var file ruleFile
	if _, err := toml.DecodeFile("../gitleaks/gitleaks.toml", &file); err != nil {
		t.Fatal(err)
	}
	want, err := generate(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../rules_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("rules_gen.go is not what gen makes of the rule file; run go generate ./internal/redact")
	}
}

func TestGenerateRefusesWhatTheIndexCannotHold(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]rule{
		"no keyword":         {ID: "x", Regex: "abc"},
		"upper-case keyword": {ID: "x", Regex: "abc", Keywords: []string{"ABC"}},
		"short keyword":      {ID: "x", Regex: "abc", Keywords: []string{"a"}},
		"bad regex":          {ID: "x", Regex: "a(", Keywords: []string{"abc"}},
	} {
		if _, err := generate(ruleFile{Rules: []rule{r}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
