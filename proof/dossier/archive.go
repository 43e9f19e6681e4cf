package dossier

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The files of an archive, in their order.
const (
	fileCheckpoint = "checkpoint"
	fileContext    = "context.json"
	fileEvents     = "events.json"
	fileManifest   = "manifest.json"
	fileStamps     = "timestamps.json"
)

// The bounds of an archive: what is larger is refused before it is unpacked.
const (
	// MaxArchive is the largest archive that is read, in bytes.
	MaxArchive = 32 << 20
	// MaxUnpacked is how much all files of it may hold together.
	MaxUnpacked = 96 << 20
	// MaxEntries is how many leaves a dossier may hold.
	MaxEntries = 50_000
	// MaxStamps is how many time stamps it may hold.
	MaxStamps = 8

	maxFiles      = 8
	maxCheckpoint = 64 << 10
	maxManifest   = 4 << 20
	maxStampFile  = 1 << 20
)

// ErrArchive is wrapped by every error of [Parse].
var ErrArchive = errors.New("not a proof")

// limitOf is how large a file of an archive may be; 0 is one that is not known.
func limitOf(name string) uint64 {
	switch name {
	case fileCheckpoint:
		return maxCheckpoint
	case fileManifest, fileContext:
		return maxManifest
	case fileStamps:
		return maxStampFile
	case fileEvents:
		return MaxUnpacked
	default:
		return 0
	}
}

// Method says how the files of an archive are packed.
type Method uint16

// The methods that there are.
const (
	Stored   = Method(zip.Store)
	Deflated = Method(zip.Deflate)
)

// Archive writes the dossier: the same dossier gives the same bytes, for the
// files are sorted and have no times.
func (d *Dossier) Archive(m Method) ([]byte, error) {
	files := map[string]any{fileManifest: d.Manifest, fileEvents: d.events()}
	if d.Context != nil {
		files[fileContext] = d.Context
	}
	if len(d.Stamps) > 0 {
		files[fileStamps] = stamps{Tokens: d.Stamps}
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range []string{fileCheckpoint, fileContext, fileEvents, fileManifest, fileStamps} {
		content := []byte(d.Checkpoint)
		if value, ok := files[name]; ok {
			text, err := encode(value)
			if err != nil {
				return nil, fmt.Errorf("couldn't write %s: %w", name, err)
			}
			content = text
		} else if name != fileCheckpoint {
			continue
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: uint16(m)})
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't write %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("couldn't write the proof: %w", err)
	}
	return out.Bytes(), nil
}

func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(value)
	return out.Bytes(), err
}

// IsArchive tells whether content begins as a zip archive does.
func IsArchive(content []byte) bool { return bytes.HasPrefix(content, []byte("PK\x03\x04")) }

// Parse reads an archive. It refuses what it does not expect: other files,
// doubled ones, other methods of packing, and what is too large.
func Parse(archive []byte) (*Dossier, error) {
	d, err := parse(archive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return d, nil
}

func parse(archive []byte) (*Dossier, error) {
	files, err := unpack(archive)
	if err != nil {
		return nil, err
	}
	d := new(Dossier)
	for _, name := range []string{fileCheckpoint, fileEvents, fileManifest} {
		if files[name] == nil {
			return nil, fmt.Errorf("there is no %s in it", name)
		}
	}
	if err := json.Unmarshal(files[fileManifest], &d.Manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", fileManifest, err)
	}
	if d.Format != Format {
		return nil, fmt.Errorf("its format is %q; this program knows %q", short(d.Format), Format)
	}
	var f events
	if err := json.Unmarshal(files[fileEvents], &f); err != nil {
		return nil, fmt.Errorf("%s: %w", fileEvents, err)
	}
	if err := d.setEvents(f); err != nil {
		return nil, fmt.Errorf("%s: %w", fileEvents, err)
	}
	d.Checkpoint = string(files[fileCheckpoint])
	if c := files[fileContext]; c != nil {
		if !json.Valid(c) {
			return nil, fmt.Errorf("%s is not JSON", fileContext)
		}
		d.Context = c
	}
	if s := files[fileStamps]; s != nil {
		var f stamps
		if err := json.Unmarshal(s, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", fileStamps, err)
		}
		d.Stamps = f.Tokens
	}
	return d, d.bounds()
}

// bounds refuses counts that no honest dossier has.
func (d *Dossier) bounds() error {
	leaves := 0
	for i := range d.Entries {
		r := &d.Entries[i]
		leaves += len(r.Leaves)
		if len(r.Left) > maxPath || len(r.Right) > maxPath {
			return fmt.Errorf("the range from %d on has more hashes than any tree needs", r.First)
		}
	}
	if len(d.Stamps) > MaxStamps {
		return fmt.Errorf("it holds more than %d time stamps", MaxStamps)
	}
	if leaves > MaxEntries || len(d.Entries) > MaxEntries || len(d.Events) > MaxEntries || len(d.Disclosed) > MaxEntries {
		return fmt.Errorf("it holds more than %d entries", MaxEntries)
	}
	return nil
}

// maxPath is how many hashes a side of a range proof has in the largest tree.
const maxPath = 63

// unpack reads the files of an archive.
func unpack(archive []byte) (map[string][]byte, error) {
	if err := directory(archive); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("it is no zip archive: %w", err)
	}
	files := map[string][]byte{}
	var left uint64 = MaxUnpacked
	for _, f := range z.File {
		limit := min(limitOf(f.Name), left)
		switch {
		case limitOf(f.Name) == 0:
			return nil, fmt.Errorf("there is a file %q in it, which no proof has", short(f.Name))
		case files[f.Name] != nil:
			return nil, fmt.Errorf("there are two files %s in it", f.Name)
		case f.Method != zip.Store && f.Method != zip.Deflate || f.Flags&1 != 0:
			return nil, fmt.Errorf("%s is packed by a method that no proof has", f.Name)
		case f.UncompressedSize64 > limit:
			return nil, fmt.Errorf("%s holds more than %d bytes", f.Name, limit)
		}
		content, err := read(f, limit)
		if err != nil {
			return nil, fmt.Errorf("couldn't unpack %s: %w", f.Name, err)
		}
		files[f.Name] = content
		left -= uint64(len(content))
	}
	return files, nil
}

func read(f *zip.File, limit uint64) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(in, int64(limit)+1)) // whatever its header says
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	if uint64(len(content)) > limit {
		return nil, fmt.Errorf("it holds more than %d bytes", limit)
	}
	if !utf8.Valid(content) {
		return nil, errors.New("it is not UTF-8")
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

// directory checks the end of the archive before package zip trusts its counts:
// one disk, few files, no comment, and nothing between directory and end.
func directory(archive []byte) error {
	const endSize = 22
	if len(archive) > MaxArchive {
		return fmt.Errorf("it is larger than %d bytes", MaxArchive)
	}
	if len(archive) < endSize || !IsArchive(archive) {
		return errors.New("it is no zip archive")
	}
	end := archive[len(archive)-endSize:]
	number := func(at int) int { return int(binary.LittleEndian.Uint16(end[at:])) }
	size, offset := uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	switch {
	case !bytes.HasPrefix(end, []byte("PK\x05\x06")) || number(20) != 0:
		return errors.New("it is no zip archive that ends with its directory")
	case number(4) != 0 || number(6) != 0 || number(8) != number(10):
		return errors.New("it is part of an archive of several")
	case number(10) > maxFiles || size > maxFiles*512:
		return fmt.Errorf("it has more than %d files", maxFiles)
	case offset+size+endSize != uint64(len(archive)):
		return errors.New("its directory is not where its end says")
	}
	return nil
}

// plainly joins a few names for people, and counts the rest.
func plainly(names []string) string {
	const most = 5
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > most {
		return fmt.Sprintf("%s and %d others", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
