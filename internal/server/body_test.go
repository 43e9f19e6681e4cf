package server_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/whodid/whodid/internal/server"
)

func gzipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func deflated(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, plain []byte, o ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, o...)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(plain, nil)
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	plain := []byte(strings.Repeat("a small body ", 50))
	zeros := make([]byte, 64<<10)
	tests := []struct {
		name, encoding string
		body           []byte
		want           int
	}{
		{"plain", "", plain, http.StatusOK},
		{"identity", "identity", plain, http.StatusOK},
		{"gzip", "gzip", gzipped(t, plain), http.StatusOK},
		{"GZIP", " GZIP ", gzipped(t, plain), http.StatusOK},
		{"deflate", "deflate", deflated(t, plain), http.StatusOK},
		{"zstd", "zstd", zstandard(t, plain), http.StatusOK},
		{"two gzip members", "gzip", append(gzipped(t, plain[:100]), gzipped(t, plain[100:])...), http.StatusOK},
		{"of the largest size", "gzip", gzipped(t, zeros[:1024]), http.StatusOK},
		{"larger by one byte", "", append(bytes.Clone(zeros[:1024]), 0), http.StatusRequestEntityTooLarge},
		{"a bomb of gzip", "gzip", gzipped(t, zeros), http.StatusRequestEntityTooLarge},
		{"a bomb of deflate", "deflate", deflated(t, zeros), http.StatusRequestEntityTooLarge},
		{"a bomb of zstd", "zstd", zstandard(t, zeros), http.StatusRequestEntityTooLarge},
		{"a window of 64 MiB", "zstd", zstandard(t, bytes.Repeat(zeros, 200), zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(true)), http.StatusBadRequest},
		{"brotli", "br", plain, http.StatusUnsupportedMediaType},
		{"twice", "gzip, gzip", gzipped(t, gzipped(t, plain)), http.StatusUnsupportedMediaType},
		{"not gzip", "gzip", plain, http.StatusBadRequest},
		{"not zstd", "zstd", plain, http.StatusBadRequest},
		{"not deflate", "deflate", plain, http.StatusBadRequest},
		{"nothing, as gzip", "gzip", nil, http.StatusBadRequest},
		{"cut off gzip", "gzip", gzipped(t, plain)[:20], http.StatusBadRequest},
		{"without its checksum", "gzip", gzipped(t, plain)[:len(gzipped(t, plain))-8], http.StatusBadRequest},
		{"cut off zstd", "zstd", zstandard(t, plain)[:20], http.StatusBadRequest},
		{"cut off deflate", "deflate", deflated(t, plain)[:20], http.StatusBadRequest},
		{"rubbish behind gzip", "gzip", append(gzipped(t, plain), "rubbish"...), http.StatusBadRequest},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(test.body))
		if test.encoding != "" {
			r.Header.Set("Content-Encoding", test.encoding)
		}
		got, err := server.ReadBody(r, 1024)
		if status := server.StatusOf(err); status != test.want {
			t.Errorf("%s: status %d (%v), want %d", test.name, status, err, test.want)
		}
		if err == nil && !bytes.Equal(got, plain) && !bytes.Equal(got, zeros[:1024]) {
			t.Errorf("%s: it became %q", test.name, got)
		}
	}
	// Two headers are one list.
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(gzipped(t, plain)))
	r.Header["Content-Encoding"] = []string{"gzip", "gzip"}
	if _, err := server.ReadBody(r, 0); server.StatusOf(err) != http.StatusUnsupportedMediaType {
		t.Errorf("two headers: %v", err)
	}
}

func TestCheckDepth(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for text, ok := range map[string]bool{
		"": true, "1": true, deep(64): true, deep(65): false, deep(1_000_000): false,
		strings.Repeat(`{"a":`, 65): false, `{"a":"` + strings.Repeat("[", 99) + `"}`: true, `{"a":"\"` + strings.Repeat("[", 99) + `"}`: true,
		`{"a":"\\"` + strings.Repeat("[", 99): false, "[" + strings.Repeat("{},", 99) + "{}]": true,
	} {
		if err := server.CheckDepth([]byte(text), server.MaxDepth); (err == nil) != ok {
			t.Errorf("%.40s…: %v", text, err)
		} else if err != nil && server.StatusOf(err) != http.StatusBadRequest {
			t.Errorf("%.40s…: status %d", text, server.StatusOf(err))
		}
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add("gzip", gzipped(f, []byte("x")))
	f.Add("zstd", zstandard(f, []byte("x")))
	f.Add("deflate", deflated(f, []byte("x")))
	f.Add("", []byte("x"))
	f.Fuzz(func(t *testing.T, encoding string, b []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(bytes.NewReader(b)))
		r.Header.Set("Content-Encoding", encoding)
		got, err := server.ReadBody(r, 1<<16)
		if status := server.StatusOf(err); err != nil && status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge && status != http.StatusUnsupportedMediaType {
			t.Errorf("status %d: %v", status, err)
		}
		if len(got) > 1<<16 {
			t.Errorf("%d bytes came out", len(got))
		}
	})
}
