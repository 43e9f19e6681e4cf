package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/whodid/whodid/internal/server"
)

//go:embed assets templates
var files embed.FS

// assets are the files that pages load, under names that hold a digest of their
// content, so that browsers may keep them for ever.
type assets struct {
	once sync.Once
	// named are the addresses by name, and served the files by what the address
	// ends in.
	named  map[string]string
	served map[string]*asset
	err    error
}

type asset struct {
	media         string
	plain, packed []byte
}

var media = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func (a *assets) load() error {
	a.once.Do(func() { a.err = a.read() })
	return a.err
}

func (a *assets) read() error {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return fmt.Errorf("couldn't read the files of the page: %w", err)
	}
	a.named, a.served = map[string]string{}, map[string]*asset{}
	content := map[string][]byte{}
	for _, e := range entries {
		b, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			return fmt.Errorf("couldn't read the files of the page: %w", err)
		}
		content[e.Name()] = b
	}
	for name := range content {
		if err := a.add(name, content, map[string]bool{}); err != nil {
			return err
		}
	}
	return nil
}

// imported finds what a module of ours imports.
var imported = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"\./([a-z-]+\.js)"`) })

// add names a file, after the modules that it imports: their names go into its
// text, and so into its digest.
func (a *assets) add(name string, content map[string][]byte, above map[string]bool) error {
	if a.named[name] != "" {
		return nil
	}
	if above[name] {
		return fmt.Errorf("%s imports itself", name)
	}
	above[name] = true
	defer delete(above, name)
	b, ok := content[name]
	if !ok {
		return fmt.Errorf("there is no file %s of the page", name)
	}
	for _, m := range imported().FindAllSubmatch(b, -1) {
		if err := a.add(string(m[1]), content, above); err != nil {
			return err
		}
		b = bytes.ReplaceAll(b, m[0], []byte(`"`+a.named[string(m[1])]+`"`))
	}
	sum := sha256.Sum256(b)
	ext := path.Ext(name)
	served := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(b); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	a.named[name] = "/assets/" + served
	a.served[served] = &asset{media: media[ext], plain: b, packed: packed.Bytes()}
	return nil
}

// asset answers with a file.
func (p *Pages) asset(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	if err := p.assets.load(); err != nil {
		server.WriteError(w, err)
		return
	}
	f := p.assets.served[r.PathValue("name")]
	if f == nil {
		server.WriteProblem(w, http.StatusNotFound, "there is no such file of the page")
		return
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	_, _ = w.Write(body) // who asked is gone if it can't be written
}

func takesGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}
