package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPutServer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "whodid", "config.toml")
	if u, err := LoadUser(path); err != nil || *u != (User{}) {
		t.Fatalf("%+v, %v", u, err)
	}
	server := UserServer{URL: "https://whodid.example", TokenFile: `C:\a "b"`}
	for range 2 {
		if err := PutServer(path, server); err != nil {
			t.Fatal(err)
		}
		if u, err := LoadUser(path); err != nil || u.Server != server {
			t.Errorf("%+v, %v", u, err)
		}
	}
	if err := PutServer(path, UserServer{URL: "https://other.example"}); err == nil || !strings.Contains(err.Error(), "names another server") {
		t.Errorf("another server is put there: %v", err)
	}
	// What else is in the file stays.
	const before = "# mine\nother = 1\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := PutServer(path, server); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), before) {
		t.Errorf("%s, %v", text, err)
	}
	if err := os.WriteFile(path, []byte("= no toml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := PutServer(path, server); err == nil {
		t.Error("a broken file is written over")
	}
}

func TestSetServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after string }{
		"a file of nothing":         {"", "[server]\n  url = \"https://b\"\n  token_file = \"\"\n"},
		"another server":            {"[server]\nurl = 'https://a'\n", "[server]\n  url = \"https://b\"\n  token_file = \"\"\n"},
		"what else is there":        {"# mine\na = 1\n[server] # work\nurl = 'https://a'\n[b]\nc = 2\n", "# mine\na = 1\n[b]\nc = 2\n\n[server]\n  url = \"https://b\"\n  token_file = \"\"\n"},
		"a dotted name":             {"server.url = 'https://a'\n", ""},
		"a header in a text":        {"a = \"\"\"\n[server]\n\"\"\"\n[server]\nurl = 'https://a'\n", ""},
		"a text that begins with [": {"[server]\nurl = 'https://a'\ntoken_file = \"\"\"\n[x]\"\"\"\n", ""},
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := SetServer(path, UserServer{URL: "https://b"})
		text, _ := os.ReadFile(path)
		switch {
		case test.after == "" && (err == nil || string(text) != test.before):
			t.Errorf("%s: %v\n%s", name, err, text)
		case test.after != "" && (err != nil || string(text) != test.after):
			t.Errorf("%s: %v\n%s", name, err, text)
		case test.after == "":
			continue
		}
		if err := SetServer(path, UserServer{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if u, err := LoadUser(path); err != nil || u.Server != (UserServer{}) {
			t.Errorf("%s: it is not forgotten: %+v, %v", name, u, err)
		}
	}
}
