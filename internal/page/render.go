package page

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// frame is what every page has around its own part.
type frame struct {
	Title, Version string
	Nav            []navGroup
	// Here is the entry of the navigation that is shown.
	Here string
	// Who asks, as an actor, and their role; empty if nobody is signed in.
	Who, Role, Org string
	Squads         []string
	SignOut        string
	Local          bool
	MayApprove     bool
	MayProve       bool
	MayRespond     bool
	// Waits is how much waits for who looks, in words; empty for nothing.
	Waits string
	Now   time.Time
	// JSON and CSV are where the same answer is in another form; empty for none.
	JSON, CSV string
	// Stream are the events that the page follows, From the index of the first.
	Stream string
	From   uint64
	Page   any
}

// navGroup is a part of the navigation.
type navGroup struct {
	Name  string
	Items []navItem
}

type navItem struct {
	Key, Name, Path, Keys string
	// Waits is how many wait for who looks, in words; empty for none.
	Waits string
}

// atMost is a number in words, up to a bound.
func atMost(n, most int) string {
	if n > most {
		return digits(most) + "+"
	}
	return digits(n)
}

// navigation lists the pages in the order in which they are looked for; Keys are
// what to press.
func navigation() []navGroup {
	return []navGroup{
		{"See", []navItem{
			{Key: "executions", Name: "Executions", Path: "/executions", Keys: "g e"},
			{Key: "agents", Name: "Agents", Path: "/agents", Keys: "g a"},
			{Key: "cost", Name: "Cost", Path: "/cost", Keys: "g c"},
			{Key: "reports", Name: "Reports", Path: "/reports", Keys: "g b"},
			{Key: "search", Name: "Search", Path: "/search", Keys: "g s"},
		}},
		{"Understand", []navItem{
			{Key: "why", Name: "Why", Path: "/why", Keys: "g w"},
			{Key: "files", Name: "Files", Path: "/files", Keys: "g f"},
			{Key: "memory", Name: "Memory", Path: "/memory", Keys: "g m"},
		}},
		{"Decide", []navItem{
			{Key: "approvals", Name: "Approvals", Path: "/approvals", Keys: "g p"},
			{Key: "incidents", Name: "Incidents", Path: "/incidents", Keys: "g n"},
		}},
		{"Prove and keep", []navItem{
			{Key: "integrity", Name: "Integrity", Path: "/integrity", Keys: "g i"},
			{Key: "retention", Name: "Retention", Path: "/retention", Keys: "g r"},
			{Key: "access", Name: "Access log", Path: "/access", Keys: "g l"},
			{Key: "settings", Name: "Settings", Path: "/settings", Keys: "g t"},
		}},
	}
}

func (r *request) frame(title, here string) *frame {
	f := &frame{
		Title: title, Version: r.pages.options.Version, Nav: navigation(), Here: here, Local: r.pages.options.Local, Now: r.now,
		Who: r.id.Actor, Role: string(r.id.Role), Org: r.id.Org, Squads: r.id.Squads,
		MayApprove: r.id.Role.May(auth.Approve) && whodid.IsHuman(r.id.Actor), MayProve: r.id.Role.May(auth.Audit),
		MayRespond: r.t != nil && r.mayRespond(),
	}
	if !f.Local && r.pages.options.Authenticator != nil {
		f.SignOut = "/signout"
	}
	return f
}

// mostWaiting bounds how many are counted that wait for somebody.
const mostWaiting = 99

// waiting counts in the navigation what waits for who looks: approvals to decide on,
// and incidents that are open.
func (r *request) waiting(f *frame) error {
	counts := map[string]int{}
	if f.MayApprove {
		list, err := r.t.Asker.Approvals(r.ctx, ask.ApprovalFilter{State: whodid.ApprovalPending, Squads: r.id.Squads, Limit: mostWaiting + 1})
		if err != nil {
			return err
		}
		counts["approvals"] = len(list.Approvals)
	}
	if f.MayRespond {
		list, err := r.t.Asker.Incidents(r.ctx, ask.IncidentFilter{State: ask.IncidentOpen, Limit: mostWaiting + 1})
		if err != nil {
			return err
		}
		counts["incidents"] = len(list.Incidents)
	}
	for _, group := range f.Nav {
		for i := range group.Items {
			if n := counts[group.Items[i].Key]; n > 0 {
				group.Items[i].Waits = atMost(n, mostWaiting)
				f.Waits = atMost(counts["approvals"]+counts["incidents"], mostWaiting)
			}
		}
	}
	return nil
}

// link is the address of this page in another form.
func link(u *url.URL, has bool, format string) string {
	if !has {
		return ""
	}
	q := u.Query()
	q.Set("format", format)
	return u.Path + "?" + q.Encode()
}

// views are the templates, parsed when the first page is shown.
type views struct {
	assets *assets
	once   sync.Once
	by     map[string]*template.Template
	err    error
}

func (v *views) load() error {
	v.once.Do(func() { v.err = v.read() })
	return v.err
}

// read parses the templates: each page has the frame and the shared parts around
// its own.
func (v *views) read() error {
	if err := v.assets.load(); err != nil {
		return err
	}
	base, err := template.New("").Funcs(v.functions()).ParseFS(files, "templates/shared/*.html")
	if err != nil {
		return fmt.Errorf("couldn't read the templates of the page: %w", err)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return err
	}
	v.by = make(map[string]*template.Template, len(names))
	for _, name := range names {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(files, name)
		}
		if err != nil {
			return fmt.Errorf("couldn't read the templates of the page: %w", err)
		}
		v.by[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return nil
}

// policyOfContent allows what pages are made of and nothing else: no script and no
// style but the files of this package, nothing from anywhere else.
const policyOfContent = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

// secure sets what every answer of the pages says to browsers.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policyOfContent)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// render answers with a page. It is made as a whole first: an error in the middle
// of one could not be told any more.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, f *frame, name string, page any, status int) {
	var b bytes.Buffer
	err := p.views.load()
	if err == nil {
		f.Page = page
		t := p.views.by[name]
		if t == nil {
			err = fmt.Errorf("there is no template %s", name)
		} else {
			err = t.ExecuteTemplate(&b, "frame", f)
		}
	}
	if err != nil {
		server.Note(w, err)
		server.WriteProblem(w, http.StatusInternalServerError, "the page could not be made")
		return
	}
	send(w, r, "text/html; charset=utf-8", status, b.Bytes())
}

// send answers with bytes, compressed for who takes that. There is no secret in
// them that their length could give away: forms are held to this site by what
// browsers say of a request's origin, not by a token.
func send(w http.ResponseWriter, r *http.Request, media string, status int, b []byte) {
	h := w.Header()
	secure(h)
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	const worth = 1 << 10
	if takesGzip(r) && len(b) > worth {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(b)
		if err == nil && z.Close() == nil {
			h.Set("Content-Encoding", "gzip")
			b = packed.Bytes()
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // who asked is gone if it can't be written
}

// writeJSON answers with the answer of the question itself, as the command line's
// --json has it.
func (p *Pages) writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		p.fail(w, r, err)
		return
	}
	send(w, r, "application/json", http.StatusOK, b.Bytes())
}

// writeCSV answers with the rows of a table, with the names that they have in
// JSON.
func (p *Pages) writeCSV(w http.ResponseWriter, r *http.Request, title string, rows any) {
	b, err := csvOf(rows)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(title))
	w.Header().Set("Content-Disposition", `attachment; filename="whodid-`+name+`.csv"`)
	send(w, r, "text/csv; charset=utf-8", http.StatusOK, b)
}

// csvOf writes a slice of values as CSV, one column for each JSON name.
func csvOf(rows any) ([]byte, error) {
	list := reflect.ValueOf(rows)
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	kind := list.Type().Elem()
	fields := reflect.VisibleFields(kind)
	var header []string
	var at [][]int
	for _, f := range fields {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		header, at = append(header, name), append(at, f.Index)
	}
	if err := out.Write(header); err != nil {
		return nil, err
	}
	for i := range list.Len() {
		record := make([]string, len(at))
		for j, index := range at {
			cell, err := csvCell(list.Index(i).FieldByIndex(index))
			if err != nil {
				return nil, err
			}
			record[j] = cell
		}
		if err := out.Write(record); err != nil {
			return nil, err
		}
	}
	out.Flush()
	return b.Bytes(), out.Error()
}

// csvCell is one value: text as it is, and anything else as JSON has it. Text that
// a spreadsheet would take for a formula gets an apostrophe before it.
func csvCell(v reflect.Value) (string, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		s := v.String()
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			s = "'" + s
		}
		return s, nil
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return "", fmt.Errorf("couldn't write the table: %w", err)
	}
	return strings.Trim(string(text), `"`), nil
}
