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
