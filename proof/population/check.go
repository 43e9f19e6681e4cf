package population

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// Report is what an export shows to somebody who trusts what they trust.
type Report struct {
	Origin   string         `json:"origin"`
	TreeSize uint64         `json:"tree_size"`
	Period   Period         `json:"period"`
	Verdicts proof.Verdicts `json:"verdicts"`
	// Tables are the rows by table; none if integrity is refuted.
	Tables []Shown `json:"tables"`
	Log    Log     `json:"log"`
}

// Shown is a table of a report.
type Shown struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// The bounds of the small files of an export, and of a line, in bytes.
const (
	maxSmall = 4 << 20
	maxLine  = 1 << 20
)

// ErrExport is wrapped by every finding against an export.
var ErrExport = errors.New("the export does not hold")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrExport, fmt.Errorf(format, args...))
}

// IsExport tells whether a folder looks like an export.
func IsExport(dir fs.FS) bool {
	_, err := fs.Stat(dir, FileSigned)
	return err == nil
}

// Check says what an export shows to somebody who trusts t. The error is that of
// a file that could not be read; all that is found against the export is in the
// report.
func Check(dir fs.FS, t *dossier.Trust) (*Report, error) {
	c := &checker{dir: dir, trust: t}
	err := c.check()
	r := &Report{Origin: c.Origin, Period: c.Period, Tables: []Shown{}}
	if err != nil {
		if !errors.Is(err, ErrExport) {
			return nil, err
		}
		not := proof.Verdict{State: proof.NotShown, Detail: "nothing in this export can be relied on: its integrity is refuted"}
		r.Verdicts = proof.Verdicts{Integrity: proof.Verdict{State: proof.Refuted, Detail: strings.TrimPrefix(err.Error(), ErrExport.Error()+": ")}, Completeness: not, Authorship: not, Time: not, Approval: not}
		return r, nil
	}
	for i := range c.Tables {
		r.Tables = append(r.Tables, Shown{c.Tables[i].Name, c.Tables[i].Rows})
	}
	r.TreeSize, r.Log, r.Verdicts = c.checkpoint.Size, c.Log, c.verdicts()
	return r, nil
}

type checker struct {
	Manifest
	dir        fs.FS
	trust      *dossier.Trust
	trusted    bool
	checkpoint proof.Checkpoint
	signed     string            // the checkpoint
	sums       map[string]string // of the files, by name
	proved     bool              // the rows are tied to the log
	walk       walk
}

func (c *checker) check() error {
	if err := c.open(); err != nil {
		return err
	}
	if err := c.files(); err != nil {
		return err
	}
	if err := c.manifest(); err != nil {
		return err
	}
	if !slices.Contains(c.Formats, "jsonl") {
		return nil
	}
	return c.tables()
}

// small reads a file that can't be large.
func (c *checker) small(name string) ([]byte, error) {
	f, err := c.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong("there is no %s in it", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		return nil, wrong("%s has more than %d bytes", name, maxSmall)
	}
	return text, err
}

// open checks the signature over the sums, with a trusted key if there is one of
// that log, and that over the checkpoint.
func (c *checker) open() error {
	signed, err := c.small(FileSigned)
	if err != nil {
		return err
	}
	checkpoint, err := c.small(FileCheckpoint)
	if err != nil {
		return err
	}
	c.signed = string(checkpoint)
	peeked, err := proof.PeekCheckpoint(c.signed)
	if err != nil {
		return wrong("%w", err)
	}
	keys := c.trust.Keys
	c.checkpoint, err = keys.Open(c.signed)
	c.trusted = err == nil
	if errors.Is(err, proof.ErrUntrusted) {
		keys, err = c.claimed()
		if err == nil {
			c.checkpoint, err = keys.Open(c.signed)
		}
	}
	if err != nil {
		return wrong("%w", err)
	}
	for _, seen := range c.trust.Seen {
		if seen.Origin == c.checkpoint.Origin && seen.Size == c.checkpoint.Size && seen.Root != c.checkpoint.Root {
			return wrong("the log signed two trees of %d entries: this checkpoint and the one that you know", seen.Size)
		}
	}
	text, err := keys.OpenText(string(signed), peeked.Origin)
	if err != nil {
		return wrong("%s: %w", FileSigned, err)
	}
	plain, err := c.small(FileSums)
	if err != nil {
		return err
	}
	if string(plain) != text {
		return wrong("%s is not what was signed in %s", FileSums, FileSigned)
	}
	c.sums, err = parseSums(text, c.checkpoint.Origin)
	return err
}

// claimed is the key that the export itself names.
func (c *checker) claimed() (proof.Keys, error) {
	text, err := c.small(FileManifest)
	if err != nil {
		return proof.Keys{}, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return proof.Keys{}, fmt.Errorf("%s: %w", FileManifest, err)
	}
	return proof.ParseKeys(m.PublicKey)
}

// SumsHead is the first line of the sums of an export of a log.
func SumsHead(origin string) string { return "# " + Format + " " + origin + "\n" }

// parseSums reads the sums of files: what sha256sum writes, below a comment.
func parseSums(text, origin string) (map[string]string, error) {
	rest, ok := strings.CutPrefix(text, SumsHead(origin))
	if !ok {
		return nil, wrong("%s is not that of an export of the log %q in the format %s", FileSums, short(origin), Format)
	}
	sums := map[string]string{}
	last := ""
	for line := range strings.Lines(rest) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if _, err := hex.DecodeString(sum); !ok || err != nil || len(sum) != 2*sha256.Size || sum != strings.ToLower(sum) || !fs.ValidPath(name) || name <= last {
			return nil, wrong("%s has a line that can't be read: %q", FileSums, short(line))
		}
		sums[name], last = sum, name
	}
	return sums, nil
}

// files checks that just the files are there that were signed, as they were.
func (c *checker) files() error {
	found := 0
	err := fs.WalkDir(c.dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || name == FileSums || name == FileSigned:
			return nil
		case !entry.Type().IsRegular():
			return wrong("%s is no file", short(name))
		case c.sums[name] == "":
			return wrong("there is a file %q in it that is not among those that were signed", short(name))
		}
		found++
		sum, err := c.sumOf(name)
		if err == nil && sum != c.sums[name] {
			return wrong("%s is not the file that was signed", name)
		}
		return err
	})
	if err == nil && found < len(c.sums) {
		for name := range c.sums {
			if _, err := fs.Stat(c.dir, name); err != nil {
				return wrong("there is no %s in it", name)
			}
		}
	}
	return err
}

func (c *checker) sumOf(name string) (string, error) {
	f, err := c.dir.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// manifest reads the manifest and holds it against the checkpoint and the files.
func (c *checker) manifest() error {
	text, err := c.small(FileManifest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c.Manifest); err != nil {
		return wrong("%s: %w", FileManifest, err)
	}
	switch {
	case c.Format != Format:
		return wrong("its format is %q; this program knows %q", short(c.Format), Format)
	case c.Origin != c.checkpoint.Origin:
		return wrong("the manifest names the log %q, the checkpoint the log %q", short(c.Origin), short(c.checkpoint.Origin))
	case c.Checkpoint != (Head{c.checkpoint.Size, c.checkpoint.Root.String()}):
		return wrong("the manifest names another checkpoint than that which is with it")
	case c.Log.First > c.Log.End || c.Log.End > c.checkpoint.Size:
		return wrong("it claims to account for entries %d to %d of a log of %d", c.Log.First, c.Log.End, c.checkpoint.Size)
	}
	if _, _, err := c.Period.Bounds(); err != nil {
		return wrong("%w", err)
	}
	var names []string
	listed := 0
	for i := range c.Tables {
		t := &c.Tables[i]
		names = append(names, t.Name)
		listed += len(t.Files)
		for j, format := range c.Formats {
			if j >= len(t.Files) || t.Files[j] != FileOf(t.Name, format) || c.sums[t.Files[j]] == "" {
				return wrong("there is no %s in it", FileOf(t.Name, format))
			}
		}
	}
	tables := Tables()
	for i := range tables {
		if i >= len(names) || names[i] != tables[i].Name || !slices.Equal(c.Tables[i].Columns, tables[i].Columns) {
			return wrong("its tables are not those of the format %s", Format)
		}
	}
	return nil
}

// lines reads a file line by line.
type lines struct {
	name  string
	file  fs.File
	in    *bufio.Reader
	again []byte
}

func (c *checker) lines(name string) (*lines, error) {
	f, err := c.dir.Open(name)
	if err != nil {
		return nil, err
	}
	return &lines{name: name, file: f, in: bufio.NewReaderSize(f, 1<<16)}, nil
}

func (l *lines) close() { _ = l.file.Close() }

// next returns the next line with its line feed, until another is asked for; nil
// at the end.
func (l *lines) next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.again = append(l.again[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(l.again) <= maxLine {
			line, err = l.in.ReadSlice('\n')
			l.again = append(l.again, line...)
		}
		line = l.again
	}
	switch {
	case len(line) > maxLine:
		return nil, wrong("%s has a line of more than %d bytes", l.name, maxLine)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, wrong("%s ends in the middle of a line", l.name)
	case errors.Is(err, io.EOF):
		return nil, nil
	}
	return line, err
}

// contents is a table that is read, row by row.
type contents struct {
	*lines
	table  *Table
	rows   int64
	row    []Value
	csv    io.Writer // takes the rows as CSV, if there is such a file
	sum    func() string
	buffer []byte
	drawer *Drawer
}

func (c *checker) contents(t *Table) (*contents, error) {
	l, err := c.lines(FileOf(t.Name, "jsonl"))
	if err != nil {
		return nil, err
	}
	out := &contents{lines: l, table: t, row: make([]Value, len(t.Columns))}
	if slices.Contains(c.Formats, "csv") {
		h := sha256.New()
		out.csv, out.sum = h, func() string { return hex.EncodeToString(h.Sum(nil)) }
		_, _ = h.Write(AppendHeader(nil, t.Columns))
	}
	if s := c.Sample; s != nil && s.Table == t.Name {
		if s.Size < 0 || s.Size > MaxSample {
			return nil, wrong("it claims to have a sample of %d rows", s.Size)
		}
		out.drawer = NewDrawer(t.Name, t.Columns, s.Seed, s.Size)
	}
	return out, nil
}

// MaxSample is the largest size of a sample.
const MaxSample = 100_000

// read reads the next row; false at the end.
func (t *contents) read() (bool, error) {
	line, err := t.next()
	if err != nil || line == nil {
		return false, err
	}
	if err := ParseRow(line, t.table.Columns, t.row); err != nil {
		return false, wrong("%s, row %d: %w", t.name, t.rows+1, err)
	}
	t.rows++
	markErased(t.table.Columns, t.row)
	if t.csv != nil {
		t.buffer = AppendCSV(t.buffer[:0], t.table.Columns, t.row)
		_, _ = t.csv.Write(t.buffer)
	}
	if t.drawer != nil {
		t.drawer.Offer(t.row)
	}
	return true, nil
}

// tables reads all tables, in the order of the log where they are of events, and
// compares them with the log, with each other, and with the manifest.
func (c *checker) tables() error {
	all := Tables()
	tables := make(map[string]*contents, len(all))
	for i := range all {
		t, err := c.contents(&all[i])
		if err != nil {
			return err
		}
		defer t.close()
		tables[all[i].Name] = t
	}
	if _, ok := c.sums[FileEntries]; ok {
		if err := c.entries(tables); err != nil {
			return err
		}
		c.proved = true
	}
	for i := range all {
		t := tables[all[i].Name]
		for more, err := t.read(); more || err != nil; more, err = t.read() {
			if err != nil {
				return err
			}
			if c.proved && t.table.OfEvents {
				return wrong("%s has more rows than the log accounts for", t.name)
			}
		}
		if t.rows != c.Tables[i].Rows {
			return wrong("%s has %d rows, the manifest says %d", t.name, t.rows, c.Tables[i].Rows)
		}
		if t.csv != nil && t.sum() != c.sums[FileOf(t.table.Name, "csv")] {
			return wrong("%s does not say what %s says", FileOf(t.table.Name, "csv"), t.name)
		}
		if t.drawer != nil {
			if err := c.sample(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample draws the sample again.
func (c *checker) sample(t *contents) error {
	var want []byte
	for _, row := range t.drawer.Rows() {
		want = AppendJSON(want, t.table.Columns, row)
	}
	sum := sha256.Sum256(want)
	if name := FileSample(t.table.Name, "jsonl"); hex.EncodeToString(sum[:]) != c.sums[name] {
		return wrong("%s is not the sample of %d rows that the seed %d draws", name, c.Sample.Size, c.Sample.Seed)
	}
	return nil
}

// markErased brings the cells of a row of events that were erased into that state.
func markErased(columns []Column, row []Value) {
	if len(columns) != eventWidth || !row[colErased].Known() {
		return
	}
	var fields []string
	if json.Unmarshal([]byte(row[colErased].text), &fields) != nil {
		return
	}
	erase(row, fields)
}

func within(e *whodid.Event, p *Period) bool {
	from, to, err := p.Bounds()
	at := p.Basis.Of(e)
	return err == nil && !at.Before(from) && at.Before(to)
}

func sameHash(a, b proof.Hash) bool { return bytes.Equal(a[:], b[:]) }
