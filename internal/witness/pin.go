// Package witness keeps checkpoints where the trail's operator can't rewrite
// them unseen: in a file of each user who looked at the trail, in git, pushed
// with the code, and with C2SP witnesses and authorities for time stamps. A trail
// that was cut short, or put back to an older copy, disagrees with them.
package witness

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whodid/whodid/proof"
)

// Sighting is a checkpoint that was seen, where and when.
type Sighting struct {
	// Witness says who keeps it: "pin", "git" or the name of a witness.
	Witness string `json:"witness"`
	// Kind is how the witness vouches for it: "pin", "git", "c2sp" or "tsa".
	Kind string `json:"kind"`
	// Where it is kept, for people.
	Where string `json:"where"`
	// PublicKey is the log's key as it was seen then; empty if not kept.
	PublicKey string `json:"public_key,omitempty"`
	// Checkpoint is the signed note.
	Checkpoint string `json:"checkpoint"`
	// SeenAt is when, by the witness's own clock.
	SeenAt time.Time `json:"seen_at"`
}

// Pins is the folder of the checkpoints that one user has seen.
type Pins struct{ dir string }

// PinsIn names the folder. It touches nothing.
func PinsIn(dir string) Pins { return Pins{dir: dir} }

// fileName makes a log's origin a file name.
func fileName(origin string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, origin)
}

// path names the pin of a trail. Trails are told apart by where they lie, not
// by their origin: who replaces a whole trail, key and all, replaces its
// origin too, and must not thereby get rid of the pin.
//
// The name is the end of the location, for people, and a digest of all of it:
// two locations may read alike as a file name, or be too long for one.
func (p Pins) path(location string) string {
	const readable = 80
	name := fileName(location)
	sum := sha256.Sum256([]byte(location))
	return filepath.Join(p.dir, fmt.Sprintf("%s-%x.json", name[max(0, len(name)-readable):], sum[:8]))
}

// Get returns the last checkpoint of the trail at the location that this user
// has seen, and whether there is one.
func (p Pins) Get(location string) (Sighting, bool, error) {
	b, err := os.ReadFile(p.path(location))
	if errors.Is(err, fs.ErrNotExist) {
		return Sighting{}, false, nil
	}
	if err != nil {
		return Sighting{}, false, fmt.Errorf("couldn't read the pinned checkpoint: %w", err)
	}
	var s Sighting
	if err := json.Unmarshal(b, &s); err != nil {
		return Sighting{}, false, fmt.Errorf("couldn't read the pinned checkpoint %s: %w", p.path(location), err)
	}
	return s, true, nil
}

// Put pins a checkpoint of the trail at the location. The caller has made sure
// that it goes on where the pin before it was.
func (p Pins) Put(location string, s Sighting) error {
	if err := p.put(location, s); err != nil {
		return fmt.Errorf("couldn't pin the checkpoint: %w", err)
	}
	return nil
}

func (p Pins) put(location string, s Sighting) error {
	path := p.path(location)
	s.Witness, s.Kind, s.Where = "pin", "pin", path
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, append(b, '\n'))
}

// replace writes a file of this user's, in the place of the old one at once.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// Advance pins the head of the trail at the location if it goes on where the
// pin was, and reports whether it does. A head that does not is left unpinned:
// the older pin is the evidence.
func (p Pins) Advance(location, publicKey, signed string, now time.Time, read proof.TileReader) (bool, error) {
	pinned, ok, err := p.Get(location)
	if err != nil {
		return false, err
	}
	if ok && pinned.Checkpoint == signed {
		return true, nil
	}
	head, err := proof.OpenCheckpoint(signed, publicKey)
	if err != nil {
		return false, nil //nolint:nilerr // a head that is not signed by its key is what verify tells of
	}
	if ok {
		if err := GoesOn(pinned, publicKey, head, read); err != nil {
			return false, nil //nolint:nilerr // as above
		}
	}
	return true, p.Put(location, Sighting{PublicKey: publicKey, Checkpoint: signed, SeenAt: now.UTC()})
}

// ErrRewritten means that a trail does not go on where a witness saw it.
var ErrRewritten = errors.New("the trail does not go on where it was seen")

// GoesOn checks that the tree under head begins with the tree under a
// checkpoint that was seen.
func GoesOn(seen Sighting, publicKey string, head proof.Checkpoint, read proof.TileReader) error {
	if seen.PublicKey != "" && seen.PublicKey != publicKey {
		return fmt.Errorf("%w: it was signed with another key then", ErrRewritten)
	}
	then, err := proof.OpenCheckpoint(seen.Checkpoint, publicKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRewritten, err)
	}
	if then.Size > head.Size {
		return fmt.Errorf("%w: it had %d events and now has %d", ErrRewritten, then.Size, head.Size)
	}
	root, err := proof.Root(then.Size, read)
	if err != nil {
		return fmt.Errorf("%w: its first %d events can't be read: %w", ErrRewritten, then.Size, err)
	}
	if root != then.Root {
		return fmt.Errorf("%w: its first %d events are others than those seen", ErrRewritten, then.Size)
	}
	return nil
}
