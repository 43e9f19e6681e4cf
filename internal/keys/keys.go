// Package keys keeps the secrets of a trail that are not in the trail: the key
// that signs its checkpoints, and the key that makes pseudonyms of people.
package keys

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Ring is the keys of one trail.
type Ring struct {
	// Private signs checkpoints, Public checks them; both are in the text form
	// of C2SP signed-note and carry the log's origin as their name.
	Private, Public string
	// people makes pseudonyms.
	people []byte
}

// peopleKeySize is the length of the pseudonym key in bytes.
const peopleKeySize = 32

// Load reads a trail's keys. Without a signing key it returns fs.ErrNotExist.
func Load(signingFile, peopleFile string) (*Ring, error) {
	return LoadOrCreate(signingFile, peopleFile, func() (string, string, error) {
		return "", "", fmt.Errorf("couldn't read the signing key %s: %w", signingFile, fs.ErrNotExist)
	})
}

// LoadOrCreate reads a trail's keys and makes those that are missing, the
// signing key with generate. Many processes may do so at once: all get the
// same keys.
func LoadOrCreate(signingFile, peopleFile string, generate func() (private, public string, err error)) (*Ring, error) {
	signing, err := readOrCreate(signingFile, func() ([]byte, error) {
		private, public, err := generate()
		return []byte(private + "\n" + public + "\n"), err
	})
	if err != nil {
		return nil, err
	}
	private, public, ok := strings.Cut(strings.TrimSpace(string(signing)), "\n")
	if !ok {
		return nil, fmt.Errorf("the signing key %s is damaged: it must have two lines", signingFile)
	}
	people, err := readOrCreate(peopleFile, newPeopleKey)
	if err != nil {
		return nil, err
	}
	r := &Ring{Private: private, Public: public}
	if r.people, err = decodePeopleKey(people); err != nil {
		return nil, fmt.Errorf("the pseudonym key %s is damaged: %w", peopleFile, err)
	}
	return r, nil
}

// People reads only the key that makes pseudonyms. It returns a ring without
// a signing key, and fs.ErrNotExist if there is no key yet.
func People(peopleFile string) (*Ring, error) {
	b, err := os.ReadFile(peopleFile)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the pseudonym key: %w", err)
	}
	key, err := decodePeopleKey(b)
	if err != nil {
		return nil, fmt.Errorf("the pseudonym key %s is damaged: %w", peopleFile, err)
	}
	return &Ring{people: key}, nil
}

// pseudonymText is lower-case Crockford base 32, as ids have it.
const pseudonymText = "0123456789abcdefghjkmnpqrstvwxyz"

// Pseudonym is the name under which the trail knows a person: always the same
// for the same identity, different in every trail, and not to be turned back
// without the key. An empty identity has none.
func (r *Ring) Pseudonym(identity string) string {
	if identity == "" {
		return ""
	}
	mac := hmac.New(sha256.New, r.people)
	mac.Write([]byte(identity))
	enc := base32.NewEncoding(pseudonymText).WithPadding(base32.NoPadding)
	return "p" + enc.EncodeToString(mac.Sum(nil))[:15]
}

func newPeopleKey() ([]byte, error) {
	var secret [peopleKeySize]byte
	_, _ = rand.Read(secret[:]) // never fails, see crypto/rand
	return []byte(base64.StdEncoding.EncodeToString(secret[:]) + "\n"), nil
}

func decodePeopleKey(b []byte) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(secret) != peopleKeySize {
		return nil, fmt.Errorf("it must hold %d bytes in base64", peopleKeySize)
	}
	return hkdf.Key(sha256.New, secret, nil, "whodid pseudonyms v1", peopleKeySize)
}

// readOrCreate reads a file, or makes it with the content that create gives.
// The file appears whole or not at all, and the first to make it wins.
func readOrCreate(path string, create func() ([]byte, error)) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if b, err = create(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the keys: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".new-key-*") // made with mode 0600
	if err != nil {
		return nil, fmt.Errorf("couldn't write a key: %w", err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // at worst a stray file stays
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("couldn't write a key: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("couldn't write a key: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, fmt.Errorf("couldn't write a key: %w", err)
	}
	return os.ReadFile(path)
}

// syncDir sees to it that the names in a folder survive a loss of power: a
// trail whose key is gone can never be appended to again. Windows keeps names
// with their files, and has no way to ask for more.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
