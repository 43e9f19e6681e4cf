package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/proof"
)

// vector is a test vector of package proof.
type vector struct {
	Name      string                 `json:"name"`
	Trusted   []string               `json:"trusted"`
	Bundle    json.RawMessage        `json:"bundle"`
	Malformed bool                   `json:"malformed"`
	Verdicts  map[string]proof.State `json:"verdicts"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "proof", "testdata", "vectors", "bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// execute runs the program and returns all that a user sees of it.
func execute(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func keyFlags(keys []string) []string {
	var out []string
	for _, key := range keys {
		out = append(out, "--key", key)
	}
	return out
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		if len(v.Trusted) == 0 {
			continue // that is a usage error here
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(string(v.Bundle), append(keyFlags(v.Trusted), "--json", "-")...)
			if v.Malformed {
				if code != exitFailed || stdout != "" || !strings.Contains(stderr, "not a bundle") {
					t.Errorf("exit %d, printed %q and %q", code, stdout, stderr)
				}
				return
			}
			var got struct {
				Verified bool
				Event    json.RawMessage
				Verdicts map[string]proof.Verdict
			}
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("%v in %q", err, stdout)
			}
			for name, want := range v.Verdicts {
				if got.Verdicts[name].State != want {
					t.Errorf("%s is %+v, want %s", name, got.Verdicts[name], want)
				}
			}
			proved := v.Verdicts["integrity"] == proof.Proved
			if proved != (code == exitGood) || !proved != (code == exitFailed) || got.Verified != proved || stderr != "" {
				t.Errorf("integrity is %s; exit %d, verified %t, stderr %q", v.Verdicts["integrity"], code, got.Verified, stderr)
			}
			if refuted := v.Verdicts["integrity"] == proof.Refuted; refuted != (got.Event == nil) {
				t.Errorf("integrity is %s; the event is %s", v.Verdicts["integrity"], got.Event)
			}
		})
	}
}

func TestTextShowsEventAndVerdicts(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"good": {
			"who           human:ab12 (authenticated by token)\n", "to what       acme/shop#44\n", "result        success\n",
			"data          {\"force\":false,\"number\":44}\n", "\nintegrity     proved       ", "\ncompleteness  not shown    ",
			"\nauthorship    conditional  ", "\ntime          conditional  ", "\napproval      not shown    ",
		},
		"redacted":                           {"who           (not disclosed)\n", "to what       (not disclosed)\n", "why           the tests pass\n"},
		"erased":                             {"who           (erased)\n", "erased by     retention run-90d\n"},
		"edited result in the leaf":          {"integrity     refuted      the proof does not hold"},
		"another key of that log is trusted": {"integrity     refuted      the checkpoint is not signed by the trusted key"},
	}
	for _, v := range readVectors(t) {
		lines, ok := want[v.Name]
		if !ok {
			continue
		}
		delete(want, v.Name)
		_, stdout, _ := execute(string(v.Bundle), append([]string{"-"}, keyFlags(v.Trusted)...)...)
		for _, line := range lines {
			if !strings.Contains(stdout, line) {
				t.Errorf("%s: %q is not in\n%s", v.Name, line, stdout)
			}
		}
		if v.Verdicts["integrity"] == proof.Refuted && strings.Contains(stdout, "acme") {
			t.Errorf("%s: a forged event is shown:\n%s", v.Name, stdout)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no such vectors: %v", want)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	good := readVectors(t)[0]
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys, err := json.Marshal(map[string][]string{"keys": good.Trusted})
	if err != nil {
		t.Fatal(err)
	}
	bundle, trust := file("bundle.json", string(good.Bundle)), file("keys.json", string(keys))
	gone := filepath.Join(dir, "gone.json")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"trust file":             {[]string{"--trust", trust, bundle}, exitGood, "proved"},
		"flags after the bundle": {[]string{bundle, "--trust", trust}, exitGood, "proved"},
		"key and trust file":     {[]string{bundle, "--key=" + good.Trusted[0], "--trust", trust}, exitGood, "proved"},
		"help":                   {[]string{"--help"}, exitGood, "Examples:"},
		"help wins":              {[]string{bundle, "-h"}, exitGood, "Exit status:"},
		"nothing":                {nil, exitUsage, "no bundle is given"},
		"no key":                 {[]string{bundle}, exitUsage, "no trusted key is given"},
		"two bundles":            {[]string{bundle, bundle, "--trust", trust}, exitUsage, "more than one bundle"},
		"unknown flag":           {[]string{bundle, "--force"}, exitUsage, "-force"},
		"key that is none":       {[]string{bundle, "--key", "x"}, exitUsage, "couldn't read the public key"},
		"empty trust file":       {[]string{bundle, "--trust", file("none.json", `{}`)}, exitUsage, "no trusted keys"},
		"trust file not JSON":    {[]string{bundle, "--trust", file("text.json", "x")}, exitUsage, "couldn't read the trusted keys"},
		"huge trust file":        {[]string{bundle, "--trust", file("huge.json", strings.Repeat(" ", maxTrust+1))}, exitUsage, "more than"},
		"no such bundle":         {[]string{gone, "--trust", trust}, exitError, "couldn't open the bundle"},
		"no such trust file":     {[]string{bundle, "--trust", gone}, exitError, "couldn't open the trusted keys"},
		"a folder":               {[]string{dir, "--trust", trust}, exitError, "couldn't read the proof"},
		"huge bundle":            {[]string{file("big.json", strings.Repeat(" ", 2*proof.MaxBundle)), "--trust", trust}, exitFailed, "larger than"},
		"empty bundle":           {[]string{file("empty.json", ""), "--trust", trust}, exitFailed, "not a bundle"},
	} {
		code, stdout, stderr := execute("", tc.args...)
		if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
			t.Errorf("%s: exit %d, want %d; %q is not in %q", name, code, tc.code, tc.says, stdout+stderr)
		}
		if (code == exitGood) != (stderr == "") {
			t.Errorf("%s: exit %d, stderr %q", name, code, stderr)
		}
	}
}

func TestOutputThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	good := readVectors(t)[0]
	for _, mode := range []string{"--json=true", "--json=false"} {
		var stderr bytes.Buffer
		args := append(keyFlags(good.Trusted), mode, "-")
		if code := run(args, bytes.NewReader(good.Bundle), brokenPipe{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "pipe is broken") {
			t.Errorf("%s: exit %d, %q", mode, code, stderr.String())
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("pipe is broken") }

// A bundle's text must not reach the terminal's controls.
func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"acme/shop#44":       "acme/shop#44",
		"caf\u00e9 \u4e2d 😀": "caf\u00e9 \u4e2d 😀",
		"a\x1b[2Jb":          `"a\x1b[2Jb"`,
		"line\nproved":       `"line\nproved"`,
		"a\u202eb":           `"a\u202eb"`,
		"a\u009bb":           `"a\u009bb"`,
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) is %s, want %s", text, got, want)
		}
	}
}
