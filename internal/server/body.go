package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// DefaultMaxInflated bounds a body after decompression where a door names no
// bound.
const DefaultMaxInflated = 64 << 20

var (
	// ErrEncoding means that a body is compressed in a way that the server
	// doesn't know: 415.
	ErrEncoding = errors.New("the server takes a body plain or compressed with gzip, zstd or deflate")
	// ErrMalformed means that what was sent isn't what it says to be: 400.
	ErrMalformed = errors.New("the request can't be read")
	// ErrSlow means that a body came too slowly: 408.
	ErrSlow = errors.New("the body came too slowly")
)

// Body is the body of a request as it was before its Content-Encoding. It ends
// with an error that [WriteError] understands if the body is damaged, or larger
// than limit after decompression; 0 is [DefaultMaxInflated]. How much may come
// over the line is bounded by the route. Close it when done.
func Body(r *http.Request, limit int64) (io.ReadCloser, error) {
	if limit == 0 {
		limit = DefaultMaxInflated
	}
	in, err := inflate(r.Body, strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // nothing is no compressed body
	}
	if err != nil {
		return nil, readError(err)
	}
	return &body{in: in, left: limit, limit: limit}, nil
}

// ReadBody reads the whole of [Body].
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	in, err := Body(r, limit)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return readAll(in, r.ContentLength, budgetOf(r.Context()))
}

// firstRead bounds what is set aside for a body before any of it has come.
const firstRead = 1 << 20

// readAll reads to the end, and takes what it holds out of the budget.
func readAll(in io.Reader, expected int64, held *budget) ([]byte, error) {
	size := min(max(expected+1, bytes.MinRead), firstRead)
	if err := held.hold(size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for {
		n, err := in.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			if err := held.hold(int64(cap(b))); err != nil {
				return nil, err
			}
			b = slices.Grow(b, cap(b))
		}
	}
}

// body counts what comes out of the decompression.
type body struct {
	in          io.ReadCloser
	left, limit int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// Whether there is more is what makes it too large.
		var one [1]byte
		n, err := io.ReadFull(b.in, one[:])
		if n > 0 {
			return 0, &http.MaxBytesError{Limit: b.limit}
		}
		return 0, readError(err)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.in.Read(p)
	b.left -= int64(n)
	return n, readError(err)
}

func (b *body) Close() error { return b.in.Close() }

// readError tells what comes over the line badly from what is bad in itself.
func readError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // a reader's end is bare
		return err
	case errors.As(err, &tooLarge), errors.Is(err, ErrEncoding), errors.Is(err, ErrMalformed):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSlow
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: its zstd window is larger than the %d bytes that are allowed", ErrMalformed, maxWindow)
	default:
		return fmt.Errorf("%w: its body is cut off or not compressed as it says", ErrMalformed)
	}
}

// maxWindow bounds what a zstd frame may make us keep; RFC 9659 has HTTP
// clients use 8 MiB at most.
const maxWindow = 8 << 20

// inflate undoes one Content-Encoding. More than one is used by nobody but by
// those who try what bombs do.
func inflate(in io.ReadCloser, encoding string) (io.ReadCloser, error) {
	switch encoding {
	case "", "identity":
		return in, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		return zlib.NewReader(in)
	case "zstd":
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	default:
		return nil, ErrEncoding
	}
}

// CheckDepth refuses JSON that is nested deeper than max before anything
// unpacks it: a parser that recurses would spend a stack on each level. Depth
// is all that it looks at; whether it's JSON the parser says.
func CheckDepth(json []byte, limit int) error {
	depth, inString, escaped := 0, false, false
	for _, c := range json {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return fmt.Errorf("%w: it is nested deeper than %d levels", ErrMalformed, limit)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// MaxDepth is how deep JSON may be nested that a door takes.
const MaxDepth = 64
