package witness

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/whodid/whodid/proof"
)

// The kinds of witnesses.
const (
	// KindC2SP cosigns checkpoints that go on where it saw the log last (C2SP
	// tlog-witness).
	KindC2SP = "c2sp"
	// KindTSA is an authority that stamps checkpoints with the time (RFC 3161).
	KindTSA = "tsa"
	// KindGit is a repository that keeps checkpoints in [Ref].
	KindGit = "git"
)

// File is the file of witnesses. The comments of its fields are the manual.
type File struct {
	// Quorum is how many C2SP witnesses must have cosigned a checkpoint for it to
	// prove something. Without it they only support what else is said.
	Quorum int `toml:"quorum,omitempty"`
	// Witnesses are who keeps checkpoints, one [[witness]] for each.
	Witnesses []Place `toml:"witness"`
}

// Place is one witness.
type Place struct {
	// Name is what the witness is called here.
	Name string `toml:"name" json:"name"`
	// Kind is c2sp, tsa or git.
	Kind string `toml:"kind" json:"kind"`
	// Orgs are the organisations whose logs it is shown; none are all.
	Orgs []string `toml:"orgs,omitempty" json:"orgs,omitempty"`
	// URL is where it is: the submission prefix of a C2SP witness, the address of
	// an authority for time stamps.
	URL string `toml:"url,omitempty" json:"url,omitempty"`
	// Key is the public key of a C2SP witness, name+hash+base64.
	Key string `toml:"key,omitempty" json:"key,omitempty"`
	// Roots is the file of the root certificates that an authority's time stamps
	// must lead to, in PEM. A path is meant from the folder of this file.
	Roots string `toml:"roots,omitempty" json:"roots,omitempty"`
	// Repository is the folder of a git repository, Remote what its checkpoints are
	// pushed to; without one they stay in it.
	Repository string `toml:"repository,omitempty" json:"repository,omitempty"`
	Remote     string `toml:"remote,omitempty" json:"remote,omitempty"`

	cosigner proof.Witness
	roots    []byte
}

// Cosigner is by whose key the cosignatures of a C2SP witness are known.
func (p *Place) Cosigner() proof.Witness { return p.cosigner }

// RootsPEM are the root certificates of an authority for time stamps.
func (p *Place) RootsPEM() []byte { return p.roots }

// Of tells whether the witness is shown the log of an organisation.
func (p *Place) Of(org string) bool { return len(p.Orgs) == 0 || slices.Contains(p.Orgs, org) }

var placeName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// maxRoots bounds the file of an authority's roots, in bytes.
const maxRoots = 1 << 20

// complete finds what can't be meant, and reads what a place names. Paths are
// meant from dir.
func (p *Place) complete(dir string) error {
	if !placeName.MatchString(p.Name) {
		return errors.New("a name has 1 to 64 small letters, digits, dots, underscores or dashes")
	}
	switch p.Kind {
	case KindC2SP:
		var err error
		if p.cosigner, err = proof.ParseWitness(p.Key); err != nil {
			return err
		}
		return checkURL(p.URL)
	case KindTSA:
		if p.Roots == "" {
			return errors.New("roots is missing: the file of the authority's root certificates, in PEM")
		}
		file := p.Roots
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		info, err := os.Stat(file)
		if err == nil && info.Size() > maxRoots {
			err = fmt.Errorf("%s is larger than %d bytes", file, maxRoots)
		}
		if err == nil {
			p.roots, err = os.ReadFile(file)
		}
		if err != nil {
			return fmt.Errorf("couldn't read the roots: %w", err)
		}
		if _, err := Roots(p.roots); err != nil {
			return err
		}
		return checkURL(p.URL)
	case KindGit:
		if p.Repository == "" {
			return errors.New("repository is missing: the folder of the git repository")
		}
		if !filepath.IsAbs(p.Repository) {
			p.Repository = filepath.Join(dir, p.Repository)
		}
		return nil
	default:
		return fmt.Errorf("kind %q is none of c2sp, tsa, git", p.Kind)
	}
}

// Roots reads certificates in PEM; there must be at least one.
func Roots(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("couldn't read a root certificate: %w", err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no certificate in PEM among the roots")
	}
	return out, nil
}

func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return fmt.Errorf("url %q is not https://HOST/… or http://HOST/…", address)
	}
	return nil
}

// Load reads the file of witnesses; there are none if there is no such file.
func Load(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read the witnesses: %w", err)
	}
	var f File
	meta, err := toml.Decode(string(b), &f)
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: there is no setting %q", path, unknown[0].String())
	}
	if err := f.check(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &f, nil
}

func (f *File) check(dir string) error {
	names := map[string]bool{}
	cosigners := 0
	for i := range f.Witnesses {
		p := &f.Witnesses[i]
		if err := p.complete(dir); err != nil {
			return fmt.Errorf("witness %q: %w", p.Name, err)
		}
		if names[p.Name] {
			return fmt.Errorf("there are two witnesses %q", p.Name)
		}
		names[p.Name] = true
		if p.Kind != KindC2SP {
			continue
		}
		cosigners++
		for j := range i {
			if other := &f.Witnesses[j]; other.Kind == KindC2SP && other.cosigner.Same(&p.cosigner) {
				return fmt.Errorf("the witnesses %q and %q are the same one: it would count twice", other.Name, p.Name)
			}
		}
	}
	if f.Quorum < 0 || f.Quorum > cosigners {
		return fmt.Errorf("quorum %d: there are %d C2SP witnesses", f.Quorum, cosigners)
	}
	return nil
}

// Add puts a witness into the file. A quorum below 0 leaves that of the file.
func (f *File) Add(path string, p Place, quorum int) error {
	next := File{Quorum: f.Quorum, Witnesses: append(slices.Clone(f.Witnesses), p)}
	if quorum >= 0 {
		next.Quorum = quorum
	}
	if err := next.check(filepath.Dir(path)); err != nil {
		return err
	}
	*f = next
	return f.save(path)
}

// Remove takes a witness out of the file, and reports whether it was there. A
// quorum that can't be reached any more becomes the number of those that are left.
func (f *File) Remove(path, name string) (bool, error) {
	i := slices.IndexFunc(f.Witnesses, func(p Place) bool { return p.Name == name })
	if i < 0 {
		return false, nil
	}
	f.Witnesses = slices.Delete(slices.Clone(f.Witnesses), i, i+1)
	cosigners := 0
	for i := range f.Witnesses {
		if f.Witnesses[i].Kind == KindC2SP {
			cosigners++
		}
	}
	f.Quorum = min(f.Quorum, cosigners)
	return true, f.save(path)
}

// save writes the file, in the place of the old one at once.
func (f *File) save(path string) error {
	var b bytes.Buffer
	b.WriteString("# Who keeps checkpoints of the trail: docs/witnesses.md.\n")
	if err := toml.NewEncoder(&b).Encode(f); err != nil {
		return fmt.Errorf("couldn't write the witnesses: %w", err)
	}
	if err := replace(path, []byte(strings.TrimRight(b.String(), "\n")+"\n")); err != nil {
		return fmt.Errorf("couldn't write the witnesses: %w", err)
	}
	return nil
}
