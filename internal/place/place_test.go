package place

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// env is an environment of these variables.
func env(pairs ...string) Env {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("its paths are others")
	}
	for address, want := range map[string]Location{
		"sqlite:///tmp/a b/trail.db":  {URL: "sqlite:///tmp/a b/trail.db", Path: "/tmp/a b/trail.db"},
		"/tmp/trail.db":               {URL: "sqlite:///tmp/trail.db", Path: "/tmp/trail.db"},
		"/tmp/../tmp//trail.db":       {URL: "sqlite:///tmp/trail.db", Path: "/tmp/trail.db"},
		"postgres://u@h:5432/d":       {URL: "postgres://u@h:5432/d"},
		"postgresql://h/d?sslmode=no": {URL: "postgresql://h/d?sslmode=no"},
	} {
		if got, err := Parse(address); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", address, got, err, want)
		}
	}
	for _, address := range []string{"", "sqlite://", "mysql://h/d", "://x", "sqlite:///tmp/x?mode=memory", "/tmp/x#y", "/tmp/x\x00", "http://127.0.0.1/"} {
		if got, err := Parse(address); err == nil {
			t.Errorf("%q is taken for %+v", address, got)
		}
	}
	relative, err := Parse("trail.db")
	if err != nil || !filepath.IsAbs(relative.Path) {
		t.Errorf("a relative path is %+v, %v", relative, err)
	}
}

// What is shown of an address, and what names its pin, holds no password,
// wherever libpq lets one stand.
func TestStringHidesPasswords(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-fake"
	for _, address := range []string{
		"postgres://u:" + secret + "@h/d",
		"postgres://h/d?user=u&password=" + secret,
		"postgres://u@h/d?sslpassword=" + secret + "&sslmode=require",
		"postgres://h/d?passfile=/home/" + secret,
		"postgres://u:" + secret + "@h:99999999/d",
		"postgres://h/d?PASSWORD=" + secret,
		"postgres://h/d#" + secret,
		"postgres://h/%zz?password=" + secret,
	} {
		l, err := Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.String(); strings.Contains(got, secret) {
			t.Errorf("%s is shown as %s", address, got)
		}
	}
	a, _ := Parse("postgres://u@h/d?host=/run/one&port=1")
	b, _ := Parse("postgres://u@h/d?host=/run/two&port=1")
	if a.String() == b.String() {
		t.Errorf("two servers are shown alike: %s", a)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the data is elsewhere")
	}
	project := t.TempDir()
	deep := filepath.Join(project, "a", "b")
	for _, dir := range []string{deep, filepath.Join(project, ProjectDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// A file of that name is no project's folder.
	if err := os.WriteFile(filepath.Join(deep, ProjectDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for name, test := range map[string]struct {
		flag, dir string
		env       Env
		want      Trail
	}{
		"the flag": {"/x/t.db", deep, env("WHODID_STORE", "/y/t.db", "HOME", "/h"), Trail{
			Location: Location{URL: "sqlite:///x/t.db", Path: "/x/t.db"}, Why: "--store",
			Spool: "/x/t.spool", Calls: "/x/t.calls", Imports: "/x/t.imports.json", Prices: "/x/t.prices.json", Logs: "/x/t.logs", SigningKey: "/x/t.key", PeopleKey: "/x/t.people.key", OrgKeys: "/x/t.keys", Pins: "/h/.local/state/whodid/pins", Erasures: "/h/.local/state/whodid/erasures",
		}},
		"the environment": {"", deep, env("WHODID_STORE", "/y/t", "XDG_STATE_HOME", "/s", "WHODID_KEY", "/k"), Trail{
			Location: Location{URL: "sqlite:///y/t", Path: "/y/t"}, Why: "WHODID_STORE",
			Spool: "/y/t.spool", Calls: "/y/t.calls", Imports: "/y/t.imports.json", Prices: "/y/t.prices.json", Logs: "/y/t.logs", SigningKey: "/k", PeopleKey: "/y/t.people.key", OrgKeys: "/y/t.keys", Pins: "/s/whodid/pins", Erasures: "/s/whodid/erasures",
		}},
		"a folder of keys": {"/x/t.db", deep, env("HOME", "/h", "WHODID_KEYS", "/keys"), Trail{
			Location: Location{URL: "sqlite:///x/t.db", Path: "/x/t.db"}, Why: "--store", OrgKeys: "/keys",
			Spool: "/x/t.spool", Calls: "/x/t.calls", Imports: "/x/t.imports.json", Prices: "/x/t.prices.json", Logs: "/x/t.logs", SigningKey: "/keys/org-default.key", PeopleKey: "/keys/org-default.people.key", Pins: "/h/.local/state/whodid/pins", Erasures: "/h/.local/state/whodid/erasures",
		}},
		"the user's": {"", elsewhere, env("HOME", "/h"), Trail{
			Location: Location{URL: "sqlite:///h/.local/share/whodid/trail.db", Path: "/h/.local/share/whodid/trail.db"}, Why: "the user's own",
			Spool: "/h/.local/share/whodid/trail.spool", Calls: "/h/.local/share/whodid/trail.calls", Imports: "/h/.local/share/whodid/trail.imports.json", Prices: "/h/.local/share/whodid/trail.prices.json", Logs: "/h/.local/share/whodid/trail.logs",
			SigningKey: "/h/.local/share/whodid/trail.key", PeopleKey: "/h/.local/share/whodid/trail.people.key", OrgKeys: "/h/.local/share/whodid/trail.keys", Pins: "/h/.local/state/whodid/pins", Erasures: "/h/.local/state/whodid/erasures",
		}},
	} {
		if got, err := Find(test.flag, test.dir, test.env); err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, test.want)
		}
	}
	got, err := Find("", deep, env("HOME", "/h"))
	if err != nil || got.Path != filepath.Join(project, ProjectDir, "trail.db") {
		t.Errorf("the project's: %+v, %v", got, err)
	}
	// Rules that are committed with the code make no trail, but do not take one away.
	if err := os.WriteFile(filepath.Join(project, ProjectDir, "policy.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", deep, env("HOME", "/h")); err != nil || got.Path != "/h/.local/share/whodid/trail.db" {
		t.Errorf("a project with rules alone: %+v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(project, ProjectDir, "trail.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", deep, env("HOME", "/h")); err != nil || got.Path != filepath.Join(project, ProjectDir, "trail.db") {
		t.Errorf("a project with rules and a trail: %+v, %v", got, err)
	}
	if _, err := Find("mysql://x/y", deep, env()); err == nil || !strings.Contains(err.Error(), "--store") {
		t.Errorf("a wrong flag: %v", err)
	}
	// Without a home no folder that is worked in becomes one.
	if got, err := Find("", elsewhere, env()); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Errorf("without a home: %+v, %v", got, err)
	}
	if got, err := Find("/x/t.db", elsewhere, env()); err != nil || got.Pins != "/x/t.state/pins" || got.Erasures != "/x/t.state/erasures" {
		t.Errorf("without a home, but with a trail: %+v, %v", got, err)
	}
	// One server, whoever connects: one spool and one key.
	one, err := Find("postgres://alice:pw-fake@db.example:5432/trail", deep, env("HOME", "/h"))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := Find("postgresql://bob@db.example:5432/trail?sslmode=require", deep, env("HOME", "/h"))
	if one.Spool != two.Spool || one.SigningKey != two.SigningKey {
		t.Errorf("%s and %s", one.Spool, two.Spool)
	}
	other, _ := Find("postgres://alice@db.example:5432/other", deep, env("HOME", "/h"))
	if one.Spool == other.Spool {
		t.Error("two databases share a spool")
	}
}

func TestSlugOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"https://github.com/acme/shop.git":               "acme/shop",
		"https://github.com/acme/shop":                   "acme/shop",
		"https://github.com/acme/shop/":                  "acme/shop",
		"https://github.com/acme/shop.git/":              "acme/shop",
		"git@github.com:acme/shop.git":                   "acme/shop",
		"github.com:acme/shop":                           "acme/shop",
		"ssh://git@git.example:2222/acme/shop.git":       "acme/shop",
		"https://gitlab.example/group/sub/shop.git":      "sub/shop",
		"https://user:hunter2-fake@host.example/a/b.git": "a/b",
		"https://host.example/a/b.git?token=tok-fake":    "a/b",
		// What has no owner must not take one from what stands before the path.
		"https://host.example/shop.git":            "",
		"https://hunter2-fake@host.example/shop":   "",
		"https://u:hunter2-fake@host.example/shop": "",
		"u:hunter2-fake@host.example":              "",
		"https://host.example":                     "",
		"git@host.example:shop.git":                "",
		"file:///home/dev/src/shop.git":            "",
		"/home/dev/src/shop.git":                   "",
		"../shop":                                  "",
		"C:/Users/dev/src/shop":                    "",
		`C:\Users\dev\src\shop`:                    "",
		"./a:b/c/d":                                "",
		"":                                         "",
		":":                                        "",
		"://":                                      "",
	} {
		if got := slugOf(remote); got != want {
			t.Errorf("%q is %q, want %q", remote, got, want)
		}
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(path, text string) string {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const config = "[core]\n\turl = https://x.example/not/this\n[remote \"fork\"]\n\turl = https://x.example/nor/this\n[remote \"origin\"]\n\tfetch = +refs\n\turl = git@github.com:acme/shop.git\n"
	write("shop/.git/config", config)
	write("shop/src/deep/file", "")
	write("shop/.git/worktrees/wt/commondir", "../..\n")
	write("wt/.git", "gitdir: "+filepath.Join(root, "shop/.git/worktrees/wt")+"\n")
	write("module/.git", "gitdir: ../shop/.git\n")
	write("broken/.git", "no such thing\n")
	write("bare/.git/HEAD", "ref: refs/heads/main\n")
	write("plain/file", "")
	for dir, want := range map[string][2]string{
		"shop": {"shop", "acme/shop"}, "shop/src/deep": {"shop", "acme/shop"}, "wt": {"wt", "acme/shop"}, "module": {"module", "acme/shop"},
		"broken": {"broken", ""}, "bare": {"bare", ""}, "shop/not/there": {"shop", "acme/shop"},
	} {
		gotRoot, slug := Repository(filepath.Join(root, dir))
		if gotRoot != filepath.Join(root, want[0]) || slug != want[1] {
			t.Errorf("%s is in %q of %q, want %q", dir, gotRoot, slug, want)
		}
	}
	for _, dir := range []string{"", ".", "/", "relative/none"} {
		Repository(dir) // ends
	}
}

func FuzzParse(f *testing.F) {
	for _, address := range []string{"sqlite:///tmp/trail.db", "postgres://u:p@h:5432/d?sslmode=x", "/tmp/x", "postgres://[", "x://"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		l, err := Parse(address)
		if err != nil {
			return
		}
		if (l.Path != "") == strings.HasPrefix(l.URL, "postgres") {
			t.Errorf("%q is %+v", address, l)
		}
		_ = l.String()
		if again, err := Parse(l.URL); err != nil || again != l {
			t.Errorf("%q is %+v and then %+v, %v", address, l, again, err)
		}
	})
}

func FuzzSlugOf(f *testing.F) {
	for _, remote := range []string{"https://u:p@h/a/b.git", "git@h:a/b", "C:/x/y", "file:///a/b"} {
		f.Add(remote)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		slug := slugOf(remote)
		owner, name, ok := strings.Cut(slug, "/")
		if slug != "" && (!ok || owner == "" || name == "" || strings.Contains(name, "/") || !strings.Contains(remote, owner) || !strings.Contains(remote, name)) {
			t.Errorf("%q is taken for %q", remote, slug)
		}
	})
}
