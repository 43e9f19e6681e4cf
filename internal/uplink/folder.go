package uplink

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/proof"
)

// State is how far a trail is sent to a server.
type State struct {
	Server string `json:"server"`
	// Origin is the name of the log that is sent.
	Origin string `json:"origin"`
	// Next is the index of the first event that is not sent yet.
	Next uint64 `json:"next"`
	// Key is the server's public key, Checkpoint the last that was seen of its
	// log.
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"`
	// At is when something was last sent.
	At time.Time `json:"at,omitzero"`
	// Refused and Differing count over all that was sent.
	Refused   int `json:"refused"`
	Differing int `json:"differing"`
}

// receiptFormat is the format of the files of receipts.
const receiptFormat = "whodid-sync-receipt/1"

// Receipt is a receipt as it is kept: which events of the trail are where in
// the server's log, and the proof.
type Receipt struct {
	Format string `json:"format"`
	Origin string `json:"origin"`
	// First and End are the part of the trail that it is of.
	First   uint64        `json:"first"`
	End     uint64        `json:"end"`
	Entries []Entry       `json:"entries"`
	Refused []Refusal     `json:"refused,omitempty"`
	Skipped []uint64      `json:"skipped,omitempty"`
	Receipt proof.Receipt `json:"receipt"`
}

// Entry says where an event of the trail is in the server's log.
type Entry struct {
	Index uint64 `json:"index"`
	Seq   uint64 `json:"seq"`
}

// Refusal says why the server did not take an event.
type Refusal struct {
	Index  uint64 `json:"index"`
	Detail string `json:"detail"`
}

// folder keeps the state and the receipts of one uplink.
type folder string

// folderOf is the folder of the uplink of a log to a server.
func folderOf(dir, server, origin string) folder {
	sum := sha256.Sum256([]byte(server + "\n" + origin))
	return folder(filepath.Join(dir, hex.EncodeToString(sum[:8])))
}

const (
	stateFile     = "state.json"
	receiptSuffix = ".receipt.json.gz"
)

// state reads how far the trail is sent; nothing is where there is no file.
func (f folder) state() (State, error) {
	var s State
	b, err := os.ReadFile(filepath.Join(string(f), stateFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, fmt.Errorf("couldn't read how far the trail is sent: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("couldn't read how far the trail is sent: %s is damaged (take it away to send everything again): %w", filepath.Join(string(f), stateFile), err)
	}
	return s, nil
}

func (f folder) putState(s *State) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = f.put(stateFile, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("couldn't note how far the trail is sent: %w", err)
	}
	return nil
}

func (f folder) putReceipt(r *Receipt) error {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	err := errors.Join(json.NewEncoder(w).Encode(r), w.Close())
	if err == nil {
		err = f.put(fmt.Sprintf("%016d-%016d%s", r.First, r.End, receiptSuffix), []byte(b.String()))
	}
	if err != nil {
		return fmt.Errorf("couldn't keep the receipt: %w", err)
	}
	return nil
}

// put puts a file in place, whole and durable.
func (f folder) put(name string, content []byte) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(string(f), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(string(f), name))
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // what could not be written is of no use
	}
	return err
}

// receipts lists the files of receipts, in the order of the trail.
func (f folder) receipts() ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("couldn't list the receipts: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), receiptSuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// maxReceiptFile bounds what is read of a receipt, after decompression.
const maxReceiptFile = proof.MaxReceipt

func (f folder) receipt(name string) (*Receipt, error) {
	file, err := os.Open(filepath.Join(string(f), name))
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	return readReceipt(file)
}

// readReceipt reads a receipt as it is kept.
func readReceipt(in io.Reader) (*Receipt, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, maxReceiptFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxReceiptFile:
		return nil, fmt.Errorf("it is larger than %d bytes", maxReceiptFile)
	}
	r := new(Receipt)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	if r.Format != receiptFormat {
		return nil, fmt.Errorf("its format is not %s", receiptFormat)
	}
	return r, nil
}
