package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/config"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	path := file(t, "listen = 'file:1'\ngrace = '5s'\n[limits]\nconcurrent = 7\nmemory = '128MiB'\n[log]\nformat = 'json'\n")
	c, err := config.Load(config.Sources{
		File:  path,
		Env:   env("WHODID_LISTEN", "env:1", "WHODID_LIMITS_CONCURRENT", "8", "WHODID_LOG_LEVEL", "debug", "WHODID_INSECURE", "true"),
		Flags: map[string]string{"listen": "flag:1", "log-level": "warn"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Listen, c.Grace, c.Limits.Concurrent, c.Limits.Memory.String(), c.Log.Format, c.Log.Level, c.Insecure, c.Limits.Streams)
	if want := fmt.Sprint("flag:1", 5*time.Second, 8, "128MiB", "json", "warn", true, 512); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var b strings.Builder
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`listen = "flag:1" # --listen`, `grace = "5s" # ` + path, `concurrent = 8 # WHODID_LIMITS_CONCURRENT`,
		`streams = 512 # default`, `memory = "128MiB" # ` + path, `level = "warn" # --log-level`, "[tls]", "ratio = 1.0 # default",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("it is not printed: %s\n%s", line, b.String())
		}
	}
	again, err := config.Load(config.Sources{File: file(t, b.String()), Env: env()})
	if err != nil {
		t.Fatalf("what was printed can't be read: %v\n%s", err, b.String())
	}
	if fmt.Sprintf("%+v", again.Config) != fmt.Sprintf("%+v", c.Config) {
		t.Errorf("what was printed is %+v, and was %+v", again.Config, c.Config)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file string
		env  []string
		want []string
	}{
		"unknown keys":   {"lisetn = 'x'\n[limits]\nconcurent = 3\n[nothing]\na = 1\n", nil, []string{`"lisetn"`, `"limits.concurent"`, `"nothing"`}},
		"no TOML":        {"listen = \n", nil, []string{"line 1"}},
		"another type":   {"listen = 5\n", nil, []string{"listen"}},
		"a bad size":     {"[limits]\nmemory = '5 apples'\n", nil, []string{"5 apples"}},
		"a bad time":     {"", []string{"WHODID_GRACE", "soon"}, []string{"WHODID_GRACE", "soon"}},
		"a bad number":   {"", []string{"WHODID_LIMITS_CONCURRENT", "many"}, []string{"WHODID_LIMITS_CONCURRENT"}},
		"a bad switch":   {"", []string{"WHODID_INSECURE", "maybe"}, []string{"WHODID_INSECURE"}},
		"not a number":   {"[traces]\nratio = nan\n[limits]\nrate = nan", nil, []string{"traces.ratio", "limits.rate"}},
		"too much":       {"[traces]\nratio = 1.5\n", nil, []string{"traces.ratio"}},
		"too little":     {"[limits]\nconcurrent = 0\nmemory = '1MiB'\n", nil, []string{"limits.concurrent", "limits.memory"}},
		"half of TLS":    {"[tls]\ncert = 'x'\n", nil, []string{"tls.key"}},
		"a format":       {"[log]\nformat = 'xml'\nlevel = 'loud'\n", nil, []string{"xml", "loud"}},
		"no such secret": {"[metrics]\ntoken = 'file:/does/not/exist'\n", nil, []string{"metrics.token"}},
		"no variable":    {"[metrics]\ntoken = 'env:NOT_SET'\n", nil, []string{"metrics.token", "NOT_SET"}},
	} {
		_, err := config.Load(config.Sources{File: file(t, test.file), Env: env(test.env...)})
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not name %s: %v", name, want, err)
			}
		}
	}
	if _, err := config.Load(config.Sources{File: "/does/not/exist", Env: env()}); err == nil {
		t.Error("a file that is not there is no error")
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-fake"
	kept := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(kept, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]config.Sources{
		"a file":            {File: file(t, "[metrics]\ntoken = 'file:"+filepath.ToSlash(kept)+"'\n"), Env: env()},
		"a variable":        {File: file(t, "[metrics]\ntoken = 'env:TOKEN'\n"), Env: env("TOKEN", secret)},
		"its own variable":  {Env: env("WHODID_METRICS_TOKEN", secret)},
		"a file, by itself": {Env: env("WHODID_METRICS_TOKEN", "file:"+kept)},
	} {
		from.Flags = map[string]string{}
		pg := from.Env
		from.Env = func(name string) string {
			if name == "WHODID_STORE" {
				return "postgres://u:" + secret + "@h/d?password=" + secret
			}
			return pg(name)
		}
		c, err := config.Load(from)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Metrics.Token.Value() != secret {
			t.Errorf("%s: the secret is %q", name, c.Metrics.Token.Value())
		}
		var b strings.Builder
		if err := c.Print(&b); err != nil {
			t.Fatal(err)
		}
		j, err := json.Marshal(c.Metrics)
		if err != nil {
			t.Fatal(err)
		}
		shown := b.String() + fmt.Sprintf("%v %+v %#v %s", c.Metrics, c.Metrics, c.Metrics, j)
		if strings.Contains(shown, secret) {
			t.Errorf("%s: the secret is shown: %s", name, shown)
		}
	}
	_, err := config.Load(config.Sources{File: file(t, "[metrics]\ntoken = '"+secret+"'\n"), Env: env()})
	if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "file:") {
		t.Errorf("a secret in the file: %v", err)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "64MiB": 64 << 20, "1 GiB": 1 << 30, "3KB": 3000, "1GB": 1e9, "12B": 12, "-1": -1, "": -1, "MiB": -1, "9999999999GiB": -1, "1.5MiB": -1} {
		var s config.Size
		err := s.UnmarshalText([]byte(text))
		if (err != nil) != (want < 0) || err == nil && int64(s) != want {
			t.Errorf("%q is %d, %v; want %d", text, s, err, want)
		}
		var again config.Size
		if err == nil && (again.UnmarshalText([]byte(s.String())) != nil || again != s) {
			t.Errorf("%q is written %q, and that is %d", text, s.String(), again)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("listen = 'x'\n[limits]\nrate = 5\n")
	f.Add("[metrics]\ntoken = 'hunter2-fake'\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Load(config.Sources{File: file(t, text), Env: env()})
		if err != nil {
			return
		}
		var b strings.Builder
		if err := c.Print(&b); err != nil {
			t.Fatal(err)
		}
		if again, err := config.Load(config.Sources{File: file(t, b.String()), Env: env()}); err != nil {
			t.Errorf("%q was read, and not again as %q: %v", text, b.String(), err)
		} else if fmt.Sprintf("%+v", again.Config) != fmt.Sprintf("%+v", c.Config) {
			t.Errorf("%q is not what was read again", b.String())
		}
	})
}
