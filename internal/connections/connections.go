// Package connections is the file that says which forges tell the trail, and
// where the trail tells of its events: webhooks and sinks. It is apart from the
// server's settings because other commands read it too.
package connections

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// File is the whole file. The comments of its fields are the manual.
type File struct {
	// Webhooks are those that forges call, one [[webhook]] for each.
	Webhooks []Webhook `toml:"webhook"`
}

// Webhook is one webhook that a forge was told to call.
type Webhook struct {
	// Name is the last part of its address: /webhooks/github/NAME.
	Name string `toml:"name"`
	// Forge is github or gitlab.
	Forge string `toml:"forge"`
	// Org is the organisation that it speaks for; default where there is one.
	Org string `toml:"org"`
	// Secret is what the forge signs with: file:PATH or env:NAME, at least 16
	// bytes. A path is meant from the folder of this file. GitLab's signing
	// tokens begin with whsec_.
	Secret Secret `toml:"secret"`
	// Repositories are the only ones it may tell of, as owner/name or owner/*;
	// none are all.
	Repositories []string `toml:"repositories"`
	// Agents are accounts on the forge that are your own agents, with squad/name
	// of each; those of known products need not be named.
	Agents map[string]string `toml:"agents"`
	// API is the address of the forge's API for "whodid forge backfill", if it's
	// not that of github.com or gitlab.com.
	API string `toml:"api"`
	// Token is what the backfill signs in with: file:PATH or env:NAME.
	Token Secret `toml:"token"`
}

// Secret is a value that is kept elsewhere. It's shown nowhere.
type Secret struct{ value string }

// NewSecret is a secret that is at hand already.
func NewSecret(value string) Secret { return Secret{value} }

// Value is the secret itself.
func (s Secret) Value() string { return s.value }

// String never shows the secret.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "(set)"
}

// GoString never shows the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText never shows the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText keeps where the secret is, until it is fetched.
func (s *Secret) UnmarshalText(b []byte) error {
	s.value = string(b)
	return nil
}

// maxSecret bounds what is read of the file of a secret, in bytes.
const maxSecret = 64 << 10

func (s *Secret) fetch(dir string, env func(string) string) error {
	if s.value == "" {
		return nil
	}
	kind, where, _ := strings.Cut(s.value, ":")
	s.value = ""
	switch kind {
	case "env":
		if s.value = env(where); s.value == "" {
			return fmt.Errorf("the variable %s is not set", where)
		}
	case "file":
		if !filepath.IsAbs(where) {
			where = filepath.Join(dir, where)
		}
		b, err := os.ReadFile(where)
		if err != nil {
			return fmt.Errorf("couldn't read the secret: %w", err)
		}
		if s.value = strings.TrimSpace(string(b[:min(len(b), maxSecret)])); s.value == "" {
			return fmt.Errorf("%s is empty", where)
		}
	default:
		return fmt.Errorf("a secret is written file:PATH or env:NAME, so that it's not in this file")
	}
	return nil
}

// DefaultOrg is the organisation of a trail that serves only one.
const DefaultOrg = "default"

// Load reads the file. A setting that nobody knows is an error that names it.
func Load(path string, env func(string) string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the connections: %w", err)
	}
	var f File
	meta, err := toml.Decode(string(b), &f)
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: there is no setting %q", path, unknown[0].String())
	}
	dir := filepath.Dir(path)
	for i := range f.Webhooks {
		w := &f.Webhooks[i]
		if w.Org == "" {
			w.Org = DefaultOrg
		}
		for _, s := range []*Secret{&w.Secret, &w.Token} {
			if err := s.fetch(dir, env); err != nil {
				return nil, fmt.Errorf("%s: webhook %q: %w", path, w.Name, err)
			}
		}
	}
	return &f, nil
}
