// Package casefile is the sealed bundle of an incident: what was found out, the
// proofs of the runs that are suspected, and the chain of custody, in one zip
// archive. The list of its files is sealed by the log itself: the export is an
// event that holds the list's digest, and the chain of custody proves that event.
// The package is pure and works offline. The format is specified in
// docs/format.md.
package casefile

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/whodid/whodid/proof/dossier"
)

// Format is the format of the bundles that this package writes and reads.
const Format = "whodid-incident/1"

// The files that every bundle has. The proofs lie in a folder.
const (
	// FileList is the list of files, and the first of them.
	FileList = "casefile.json"
	// FileCustody is the chain of custody, a dossier; it is not on the list, whose
	// digest it holds.
	FileCustody = "custody.zip"
	// FolderProofs holds dossiers.
	FolderProofs = "proofs/"
)

// The bounds of a bundle: what is larger is refused before it is unpacked.
const (
	// MaxArchive is the largest bundle that is read, in bytes.
	MaxArchive = dossier.MaxArchive
	// MaxUnpacked is how much all files of it may hold together.
	MaxUnpacked = dossier.MaxUnpacked
	// MaxFiles is how many files it may have.
	MaxFiles = 64

	maxList = 1 << 20
)

// ErrArchive is wrapped by every error of [Parse].
var ErrArchive = errors.New("not a bundle of an incident")

// List is what a bundle claims to hold.
type List struct {
	Format string `json:"format"`
	// Incident is the event that opened it.
	Incident string `json:"incident"`
	// Origin is the name of the log, PublicKey what the maker claims to be its key.
	Origin    string `json:"origin"`
	PublicKey string `json:"public_key"`
	// Withheld are the fields of events that its maker chose not to disclose in any
	// of the files.
	Withheld []string `json:"withheld,omitempty"`
	Files    []Entry  `json:"files"`
}

// Entry is a file of the list.
type Entry struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// File is a file of a bundle.
type File struct {
	Name    string
	Content []byte
}

// Casefile is a bundle as it is written and read.
type Casefile struct {
	List
	// Text is the list to the letter; its digest is sealed.
	Text    []byte
	Files   []File
	Custody []byte
}

// New makes a bundle that lacks its chain of custody, and whose files do without the
// withheld fields.
func New(incident, origin, publicKey string, withheld []string, files []File) (*Casefile, error) {
	c := &Casefile{List: List{Format: Format, Incident: incident, Origin: origin, PublicKey: publicKey, Withheld: withheld, Files: []Entry{}}, Files: slices.Clone(files)}
	slices.SortFunc(c.Files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
	for _, f := range c.Files {
		if !isName(f.Name) {
			return nil, fmt.Errorf("%q can't be the name of a file of a bundle", f.Name)
		}
		c.List.Files = append(c.List.Files, Entry{Name: f.Name, SHA256: digest(f.Content), Bytes: int64(len(f.Content))})
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(c.List); err != nil {
		return nil, fmt.Errorf("couldn't write the list of files: %w", err)
	}
	c.Text = text.Bytes()
	return c, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Digest is that of the list of files: what the event of the export holds.
func (c *Casefile) Digest() string { return "sha256:" + digest(c.Text) }

// Bytes is how much the listed files hold together.
func (c *Casefile) Bytes() int64 {
	var n int64
	for _, f := range c.List.Files {
		n += f.Bytes
	}
	return n
}

// isName tells whether a file may have the name: plain, and nowhere else.
func isName(name string) bool {
	if name == "" || len(name) > 100 || name == FileList || name == FileCustody || strings.Contains(name, "..") || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-/") == ""
}

// Archive writes the bundle: the same one gives the same bytes.
func (c *Casefile) Archive() ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	files := slices.Concat([]File{{FileList, c.Text}}, c.Files, []File{{FileCustody, c.Custody}})
	for _, f := range files {
		method := zip.Deflate
		if strings.HasSuffix(f.Name, ".zip") {
			method = zip.Store // it is packed already
		}
		entry, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method})
		if err == nil {
			_, err = entry.Write(f.Content)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't write %s: %w", f.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("couldn't write the bundle: %w", err)
	}
	if out.Len() > MaxArchive {
		return nil, fmt.Errorf("the bundle is larger than %d bytes", MaxArchive)
	}
	return out.Bytes(), nil
}

// Is tells whether content begins as a bundle does.
func Is(content []byte) bool {
	const header = 30
	return bytes.HasPrefix(content, []byte("PK\x03\x04")) && len(content) > header+len(FileList) &&
		int(binary.LittleEndian.Uint16(content[26:])) == len(FileList) && string(content[header:header+len(FileList)]) == FileList
}

// Parse reads a bundle. It refuses what it does not expect: files that are not
// listed, that are missing, that are there twice or too large. That the files are
// those that are listed [Check] says.
func Parse(archive []byte) (*Casefile, error) {
	c, err := parse(archive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return c, nil
}

func parse(archive []byte) (*Casefile, error) {
	if len(archive) > MaxArchive {
		return nil, fmt.Errorf("it is larger than %d bytes", MaxArchive)
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("it is no zip archive: %w", err)
	}
	if len(z.File) > MaxFiles {
		return nil, fmt.Errorf("it has more than %d files", MaxFiles)
	}
	c := new(Casefile)
	seen := map[string]bool{}
	left := int64(MaxUnpacked)
	for _, f := range z.File {
		if seen[f.Name] {
			return nil, fmt.Errorf("there are two files %s in it", short(f.Name))
		}
		seen[f.Name] = true
		content, err := unpack(f, left)
		if err != nil {
			return nil, fmt.Errorf("couldn't unpack %s: %w", short(f.Name), err)
		}
		left -= int64(len(content))
		switch {
		case f.Name == FileList:
			c.Text = content
		case f.Name == FileCustody:
			c.Custody = content
		case !isName(f.Name):
			return nil, fmt.Errorf("there is a file %q in it, which no bundle has", short(f.Name))
		default:
			c.Files = append(c.Files, File{Name: f.Name, Content: content})
		}
	}
	if c.Text == nil || c.Custody == nil {
		return nil, fmt.Errorf("%s or %s is not in it", FileList, FileCustody)
	}
	if len(c.Text) > maxList {
		return nil, fmt.Errorf("%s holds more than %d bytes", FileList, maxList)
	}
	if err := json.Unmarshal(c.Text, &c.List); err != nil {
		return nil, fmt.Errorf("%s: %w", FileList, err)
	}
	if c.Format != Format {
		return nil, fmt.Errorf("its format is %q; this program knows %q", short(c.Format), Format)
	}
	return c, nil
}

func unpack(f *zip.File, left int64) ([]byte, error) {
	if f.Method != zip.Store && f.Method != zip.Deflate || f.Flags&1 != 0 {
		return nil, errors.New("it is packed by a method that no bundle has")
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(in, left+1)) // whatever its header says
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	if int64(len(content)) > left {
		return nil, fmt.Errorf("all files together hold more than %d bytes", MaxUnpacked)
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

// short cuts foreign text for an error message.
func short(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
