package privacy

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// CertificateFormat names the form of a certificate.
const CertificateFormat = "whodid-erasure/1"

// Certificate says what was erased, and proves that the trail says so. The
// bundle proves the event of the request under a signed checkpoint; that event
// has the digest of Places, and root and size of the log before.
type Certificate struct {
	Format string `json:"format"`
	// Event is the request's; Places is what it took, by event ids.
	Event  string   `json:"event"`
	Places []Places `json:"places"`
	// Before is the log before the erasure, After the log as it is now. Erasing
	// changes no leaf, so that the log after goes on from the log before.
	Before Point `json:"before"`
	After  Point `json:"after"`
	// Files is what is known of the database's own files. The trail's operator says
	// so; the bundle does not prove it.
	Files Files `json:"files"`
	// Bundle proves the event of the request.
	Bundle *proof.Bundle `json:"bundle"`
}

// Files says what is left of what was erased in the files of the database.
type Files struct {
	AsOf time.Time `json:"as_of"`
	// Clean tells whether nothing is left in the files of its tables and indexes;
	// if not, Left says what to do.
	Clean bool   `json:"clean"`
	Left  string `json:"left"`
	// LogUntil is the place (LSN) in PostgreSQL's write-ahead log, and LogSegment
	// the file of it, up to which that may still have it, and so archives of it:
	// what is later has not. Both are empty on SQLite.
	LogUntil   string `json:"log_until"`
	LogSegment string `json:"log_segment"`
}

// Point is where a log stood.
type Point struct {
	Size uint64 `json:"size"`
	Root string `json:"root"` // hexadecimal
}

// Certify makes the certificate of an erasure by the id of its event.
func (s *Service) Certify(ctx context.Context, event string, prove func(ctx context.Context, id string) (*proof.Bundle, error)) (*Certificate, error) {
	done, err := s.Store.Erasures(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	text, ok := done[event]
	if !ok {
		return nil, fmt.Errorf("event %s erased nothing: %w", event, store.ErrNotFound)
	}
	r, err := parseRequest(text)
	if err != nil {
		return nil, err
	}
	files, err := s.Store.Cleaned(ctx, s.Org, event)
	if err != nil {
		return nil, err
	}
	c := &Certificate{
		Format: CertificateFormat, Event: event, Places: r.Places,
		Files: Files{AsOf: s.Now().UTC(), Clean: files.Left == "", Left: files.Left, LogUntil: files.Log, LogSegment: files.Segment},
	}
	if c.Bundle, err = prove(ctx, event); err != nil {
		return nil, err
	}
	size, _ := r.Data.Int("size")
	c.Before = Point{Size: uint64(max(size, 0)), Root: r.Data.String("root")}
	checkpoint, err := proof.PeekCheckpoint(c.Bundle.Checkpoint)
	if err != nil {
		return nil, err
	}
	c.After = Point{Size: checkpoint.Size, Root: hex.EncodeToString(checkpoint.Root[:])}
	return c, c.check()
}

// check compares what a certificate says with the event in its bundle.
func (c *Certificate) check() error {
	var told struct {
		Places string `json:"places"`
		Root   string `json:"root"`
		Size   int64  `json:"size"`
	}
	if err := json.Unmarshal([]byte(c.Bundle.Disclosed[proof.FieldData].Value), &told); err != nil {
		return fmt.Errorf("the request of the erasure says nothing: %w", err)
	}
	r := Request{Places: c.Places}
	if told.Places != r.placesDigest() || told.Root != c.Before.Root || told.Size != int64(c.Before.Size) {
		return errors.New("what the trail keeps of the erasure is not what its event says")
	}
	return nil
}
