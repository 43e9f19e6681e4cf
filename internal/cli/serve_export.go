package cli

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/export"
)

// exporter writes exports for those who ask the server for them, one at a time:
// each takes disk, and all that the database has to give.
func (ts *tenants) exporter() api.Exporter {
	var busy sync.Mutex
	return func(ctx context.Context, org string, who auth.Identity, query url.Values) (io.ReadCloser, string, error) {
		flags, err := exportQuery(query)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", api.ErrBadQuery, err)
		}
		flags.out = "export" // it is only made when all else is known to be right
		o, err := flags.read(ts.p)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", api.ErrBadQuery, err)
		}
		t, err := ts.tenant(ctx, org)
		if err != nil {
			return nil, "", err
		}
		if !busy.TryLock() {
			return nil, "", api.ErrBusy
		}
		archive, err := ts.exportFor(ctx, t, who, o)
		if err != nil {
			busy.Unlock()
			return nil, "", err
		}
		archive.done = busy.Unlock
		return archive, "whodid-export.tar", nil
	}
}

// exportQuery reads what a query asks for.
func exportQuery(q url.Values) (*exportOptions, error) {
	f := &exportOptions{
		period: period{month: q.Get("month"), from: q.Get("from"), to: q.Get("to"), zone: "UTC"},
		by:     "happened", sampleOf: "actions",
	}
	for name, into := range map[string]*string{"tz": &f.period.zone, "by": &f.by, "sample_of": &f.sampleOf} {
		if v := q.Get(name); v != "" {
			*into = v
		}
	}
	if v := q.Get("format"); v != "" {
		f.formats = strings.Split(v, ",")
	}
	var err error
	if v := q.Get("sample"); v != "" {
		if f.sample, err = strconv.Atoi(v); err != nil {
			return nil, errors.New("sample is not a number")
		}
	}
	if v := q.Get("seed"); v != "" {
		if f.seed, err = strconv.ParseInt(v, 10, 64); err != nil {
			return nil, errors.New("seed is not a number")
		}
	}
	return f, nil
}

// exportFor writes an export into a folder that is gone when it was sent.
func (ts *tenants) exportFor(ctx context.Context, t *tenant, who auth.Identity, o export.Options) (_ *sentExport, err error) {
	dir, err := os.MkdirTemp("", "whodid-export-")
	if err != nil {
		return nil, fmt.Errorf("couldn't make a place for the export: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	o.Org, o.Dir, o.Sign = t.Org, filepath.Join(dir, "whodid-export"), t.ledger.SignText
	o.Tell = func(ctx context.Context, done *export.Summary) error {
		const what = "view.population"
		data := export.Told(done)
		data["role"], data["credential"] = string(who.Role), who.Credential
		_, err := t.Recorder.Record(ctx, whodid.Event{
			Key: freshKey(what), What: what, Actor: who.Actor, ActorAuth: who.ActorAuth, At: ts.p.Now().UTC().Truncate(time.Microsecond),
			Source: "server", Data: data,
		})
		return err
	}
	if _, err := export.Write(ctx, ts.store, o); err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() { in.CloseWithError(tarOf(in, dir)) }()
	return &sentExport{PipeReader: out, dir: dir}, nil
}

// sentExport is an export on its way out.
type sentExport struct {
	*io.PipeReader
	dir  string
	done func()
}

// Close removes the folder.
func (e *sentExport) Close() error {
	err := errors.Join(e.PipeReader.Close(), os.RemoveAll(e.dir))
	e.done()
	return err
}

// tarOf writes a folder's files as a tar archive, always the same for the same
// files.
func tarOf(out io.Writer, dir string) error {
	w := tar.NewWriter(out)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}); err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was only read
		_, err = io.Copy(w, f)
		return err
	})
	return errors.Join(err, w.Close())
}
