package witness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The keys of these tests sign nothing.
const (
	testKeyOfWitness = "witness.test/w1+1fbaba55+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
	otherWitness     = "witness.test/w2+50ff29e4+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
)

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "witnesses.toml")
	f, err := Load(path)
	if err != nil || len(f.Witnesses) != 0 {
		t.Fatalf("a file that is not there: %+v, %v", f, err)
	}
	one := Place{Name: "w1", Kind: KindC2SP, URL: "https://one.example", Key: testKeyOfWitness}
	two := Place{Name: "w2", Kind: KindC2SP, URL: "https://two.example", Key: otherWitness, Orgs: []string{"acme"}}
	if err := f.Add(path, one, 1); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(path, two, 2); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(path, Place{Name: "code", Kind: KindGit, Repository: "shop", Remote: "origin"}, -1); err != nil {
		t.Fatal(err)
	}
	f, err = Load(path)
	if err != nil || len(f.Witnesses) != 3 || f.Quorum != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	if name := f.Witnesses[0].Cosigner(); name.Name() != "witness.test/w1" {
		t.Errorf("its key is that of %s", name.Name())
	}
	if dir := f.Witnesses[2].Repository; dir != filepath.Join(filepath.Dir(path), "shop") {
		t.Errorf("its repository is %s", dir)
	}
	if f.Witnesses[1].Of("default") || !f.Witnesses[1].Of("acme") || !f.Witnesses[0].Of("default") {
		t.Error("the wrong organisations are shown")
	}
	if there, err := f.Remove(path, "w1"); !there || err != nil {
		t.Fatal(there, err)
	}
	if there, err := f.Remove(path, "w1"); there || err != nil {
		t.Fatal(there, err)
	}
	// A quorum that can't be reached would make every verdict wait for ever.
	if f, err = Load(path); err != nil || f.Quorum != 1 || len(f.Witnesses) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestWrongFiles(t *testing.T) {
	t.Parallel()
	w := "[[witness]]\nname = \"w1\"\nkind = \"c2sp\"\nurl = \"https://one.example\"\nkey = \"" + testKeyOfWitness + "\"\n"
	for name, tc := range map[string]struct{ text, says string }{
		"not TOML":        {"x", "couldn't read"},
		"unknown setting": {w + "secret = \"x\"\n", `no setting "witness.secret"`},
		"no such kind":    {strings.Replace(w, "c2sp", "sigsum", 1), `kind "sigsum" is none of`},
		"no name":         {strings.Replace(w, "w1", "", 1), "a name has"},
		"a path as name":  {strings.Replace(w, "\"w1\"", "\"../w\"", 1), "a name has"},
		"another scheme":  {strings.Replace(w, "https:", "file:", 1), "is not https://"},
		"a password":      {strings.Replace(w, "https://", "https://me:secret@", 1), "is not https://"},
		"twice":           {w + w, `two witnesses "w1"`},
		"a key twice":     {w + strings.Replace(w, "\"w1\"", "\"w2\"", 1), "would count twice"},
		"a wrong key":     {strings.Replace(w, "+", "-", 1), "couldn't read the witness's key"},
		"quorum":          {"quorum = 2\n" + w, "quorum 2: there are 1 C2SP witnesses"},
		"negative quorum": {"quorum = -1\n" + w, "quorum -1"},
		"no roots":        {"[[witness]]\nname = \"t\"\nkind = \"tsa\"\nurl = \"https://tsa.example\"\n", "roots is missing"},
		"roots not there": {"[[witness]]\nname = \"t\"\nkind = \"tsa\"\nurl = \"https://tsa.example\"\nroots = \"gone.pem\"\n", "couldn't read the roots"},
		"no repository":   {"[[witness]]\nname = \"t\"\nkind = \"git\"\n", "repository is missing"},
	} {
		path := filepath.Join(t.TempDir(), "witnesses.toml")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}
