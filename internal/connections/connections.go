// Package connections is the file that says which forges tell the trail, and
// where the trail tells of its events: webhooks and sinks. It is apart from the
// server's settings because other commands read it too.
package connections

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/whodid/whodid/internal/place"
)

// File is the whole file. The comments of its fields are the manual.
type File struct {
	// Webhooks are those that forges call, one [[webhook]] for each.
	Webhooks []Webhook `toml:"webhook"`
	// Sinks are where new events are sent, one [[sink]] for each.
	Sinks []Sink `toml:"sink"`
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

// Sink is one place that new events are sent to.
type Sink struct {
	// Name is what its cursor is kept under: a sink of another name begins anew.
	Name string `toml:"name"`
	// Org is the organisation whose events it sends; default where there is one.
	Org string `toml:"org"`
	// Type is file, http, syslog or s3.
	Type string `toml:"type"`
	// Format is json (the default), ocsf, cloudevents, or otlp for http: log records
	// of OpenTelemetry.
	Format string `toml:"format"`
	// Fields is how much of an event is sent: public (the default: neither people
	// nor targets, reasons or metadata), technical (with the metadata that the
	// catalogue calls so) or all (what the trail holds, pseudonyms included).
	Fields string `toml:"fields"`
	// From is where a new sink begins: start (the default) or now.
	From string `toml:"from"`
	// Batch bounds how many events are sent at once; 0 is 500.
	Batch int `toml:"batch"`
	// Path is the folder of a file sink; it's meant from the folder of this file.
	Path string `toml:"path"`
	// MaxBytes is when a file is put aside; 0 is 100 MiB.
	MaxBytes int64 `toml:"max_bytes"`
	// URL is where http posts (otlp without a path to /v1/logs), udp://, tcp:// or tls://HOST:PORT of syslog, and the
	// endpoint of s3.
	URL string `toml:"url"`
	// Secret signs what http posts, and is the secret key of s3: file:PATH or
	// env:NAME.
	Secret Secret `toml:"secret"`
	// Token is sent by http as a bearer token.
	Token Secret `toml:"token"`
	// Region, Bucket, Prefix and AccessKey are those of s3.
	Region    string `toml:"region"`
	Bucket    string `toml:"bucket"`
	Prefix    string `toml:"prefix"`
	AccessKey Secret `toml:"access_key"`
}

// check completes a sink and finds what can't be meant.
func (k *Sink) check(dir string) error {
	set := func(v *string, otherwise string) {
		if *v == "" {
			*v = otherwise
		}
	}
	set(&k.Org, place.DefaultOrg)
	set(&k.Format, "json")
	set(&k.Fields, "public")
	set(&k.From, "start")
	set(&k.Region, "us-east-1")
	one := func(name, v string, of ...string) error {
		if !slices.Contains(of, v) {
			return fmt.Errorf("%s %q is none of %s", name, v, strings.Join(of, ", "))
		}
		return nil
	}
	err := errors.Join(one("type", k.Type, "file", "http", "syslog", "s3"), one("format", k.Format, "json", "ocsf", "cloudevents", "otlp"),
		one("fields", k.Fields, "public", "technical", "all"), one("from", k.From, "start", "now"))
	scheme, rest, _ := strings.Cut(k.URL, "://")
	switch {
	case err != nil:
		return err
	case k.Name == "":
		return errors.New("it has no name")
	case k.Format == "otlp" && k.Type != "http":
		return errors.New("format otlp goes over http")
	case k.Type == "file" && k.Path == "":
		return errors.New("path is missing: the folder of its files")
	case k.Type == "http" && (scheme != "https" && scheme != "http" || rest == ""):
		return errors.New("url must be https://… or http://…")
	case k.Type == "syslog" && (!slices.Contains([]string{"udp", "tcp", "tls"}, scheme) || rest == ""):
		return errors.New("url must be udp://, tcp:// or tls://HOST:PORT")
	case k.Type == "s3" && (scheme != "https" && scheme != "http" || k.Bucket == "" || k.AccessKey.Value() == "" || k.Secret.Value() == ""):
		return errors.New("url, bucket, access_key and secret are needed")
	}
	if k.Type == "file" && !filepath.IsAbs(k.Path) {
		k.Path = filepath.Join(dir, k.Path)
	}
	return nil
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
			w.Org = place.DefaultOrg
		}
		for _, s := range []*Secret{&w.Secret, &w.Token} {
			if err := s.fetch(dir, env); err != nil {
				return nil, fmt.Errorf("%s: webhook %q: %w", path, w.Name, err)
			}
		}
	}
	names := map[string]bool{}
	for i := range f.Sinks {
		k := &f.Sinks[i]
		for _, s := range []*Secret{&k.Secret, &k.Token, &k.AccessKey} {
			if err := s.fetch(dir, env); err != nil {
				return nil, fmt.Errorf("%s: sink %q: %w", path, k.Name, err)
			}
		}
		if err := k.check(dir); err != nil {
			return nil, fmt.Errorf("%s: sink %q: %w", path, k.Name, err)
		}
		if names[k.Org+"/"+k.Name] {
			return nil, fmt.Errorf("%s: there are two sinks %q", path, k.Name)
		}
		names[k.Org+"/"+k.Name] = true
	}
	return &f, nil
}
