package server

import (
	"io"
	"net/http"
	"time"

	"github.com/whodid/whodid/internal/auth"
)

// response watches what a handler answers, and gives each write the time that
// it needs and no more.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
	status  int
	written int64
	// caller is who was let in, and err what an error answer was made of, for
	// the server's log.
	caller auth.Identity
	err    error
	// body is what comes in; nil without a body.
	body *counted
}

// writeTime is how long a client may keep one write of an answer waiting.
const writeTime = 30 * time.Second

func watch(w http.ResponseWriter, now func() time.Time) *response {
	return &response{ResponseWriter: w, control: http.NewResponseController(w), now: now}
}

// Unwrap lets http.ResponseController find what is below.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *response) WriteHeader(status int) {
	r.hurry()
	if r.status == 0 || r.status < http.StatusOK {
		r.status = status
	}
	r.extend()
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.hurry()
		r.status = http.StatusOK
	}
	r.extend()
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// Flush sends what was written, for answers that go on for long.
func (r *response) Flush() {
	r.extend()
	_ = r.control.Flush()
}

// restTime is how long the rest of a body may take that no door will read.
const restTime = 5 * time.Second

// hurry bounds how long net/http waits for what was not read of a body: it reads
// the rest before it sends the answer, so that the connection can be used again.
func (r *response) hurry() {
	if r.body != nil && !r.body.ended {
		_ = r.control.SetReadDeadline(r.now().Add(restTime))
	}
}

// extend moves the deadline of the connection on. A test's recorder has none.
func (r *response) extend() { _ = r.control.SetWriteDeadline(r.now().Add(writeTime)) }

// A body may take its time as long as it comes: it has uploadGrace to begin with,
// a second more for every uploadRate bytes, and never more than uploadIdle
// without a byte.
const (
	uploadGrace = 30 * time.Second
	uploadIdle  = 15 * time.Second
	uploadRate  = 4 << 10
)

// upload is a body that must progress.
type upload struct {
	io.ReadCloser
	control *http.ResponseController
	now     func() time.Time
	began   time.Time
	read    int64
	ended   bool // it was read to its end
}

func (u *upload) Read(p []byte) (int, error) {
	now := u.now()
	if u.began.IsZero() {
		u.began = now
	}
	deadline := u.began.Add(uploadGrace + time.Duration(u.read)*time.Second/uploadRate)
	if idle := now.Add(uploadIdle); idle.Before(deadline) {
		deadline = idle
	}
	_ = u.control.SetReadDeadline(deadline)
	n, err := u.ReadCloser.Read(p)
	u.read += int64(n)
	u.ended = u.ended || err == io.EOF
	// Between reads the time is the server's own, and after the last one the
	// connection waits for the answer.
	_ = u.control.SetReadDeadline(time.Time{})
	return n, err
}

// Close reads what is left, as net/http does, for a moment.
func (u *upload) Close() error {
	if !u.ended {
		_ = u.control.SetReadDeadline(u.now().Add(restTime))
	}
	return u.ReadCloser.Close()
}

// bounded is the body of a request within the bounds of size and time.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request, limit int64) io.ReadCloser {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return r.Body
	}
	below := w
	if a, ok := w.(*response); ok {
		below = a.ResponseWriter // net/http's own, which a body that is too large closes
	}
	in := &upload{ReadCloser: r.Body, control: http.NewResponseController(below), now: s.options.Now}
	return http.MaxBytesReader(below, in, limit)
}

// counted counts what was read of a body.
type counted struct {
	io.ReadCloser
	n     int64
	ended bool // it was read to its end
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	c.ended = c.ended || err == io.EOF
	return n, err
}
