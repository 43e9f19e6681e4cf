package place

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	trail := Trail{SigningKey: "/t/trail.key", PeopleKey: "/t/trail.people.key", OrgKeys: "/t/trail.keys"}
	if signing, people := trail.Keys("default"); signing != trail.SigningKey || people != trail.PeopleKey {
		t.Errorf("the default organisation's keys are %s and %s", signing, people)
	}
	long := strings.Repeat("a", 200)
	seen := map[string]string{}
	for org, want := range map[string]string{
		"acme": "org-acme", "Acme": "org-%41cme", "con": "org-con", "a.b": "org-a%2eb", "..": "org-%2e%2e", "": "org-",
		"a/b": "org-a%2fb", "a%2fb": "org-a%252fb", `c:\x`: "org-c%3a%5cx", "ä": "org-%c3%a4", "x\x00": "org-x%00", "org-acme": "org-org-acme",
		long: "", long + "b": "", strings.Repeat("/", 50): "",
	} {
		signing, people := trail.Keys(org)
		name := strings.TrimSuffix(filepath.Base(signing), ".key")
		if want != "" && name != want {
			t.Errorf("%q is %q, want %q", org, name, want)
		}
		if filepath.Dir(signing) != filepath.FromSlash("/t/trail.keys") || people != strings.TrimSuffix(signing, ".key")+".people.key" || len(name) > 200 {
			t.Errorf("the keys of %q are %s and %s", org, signing, people)
		}
		if other, twice := seen[strings.ToLower(name)]; twice {
			t.Errorf("%q and %q share a key", org, other)
		}
		seen[strings.ToLower(name)] = org
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("acme")
	f.Add("../../etc")
	f.Fuzz(func(t *testing.T, org string) {
		trail := Trail{OrgKeys: filepath.FromSlash("/k")}
		signing, people := trail.Keys(org)
		if org == DefaultOrg {
			return
		}
		if filepath.Dir(signing) != filepath.FromSlash("/k") || filepath.Dir(people) != filepath.FromSlash("/k") || signing == people {
			t.Errorf("the keys of %q are %s and %s", org, signing, people)
		}
	})
}
