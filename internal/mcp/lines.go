package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// mostLine is the longest message that is read: half of what the protocol's
// library takes, which ends the session at one that is longer.
const mostLine = mcp.DefaultMaxLineLength / 2

// lines are the messages of a client, one a line. The protocol's library ends the
// session, and forgets the calls in flight, at a line that is no message; here
// such a line is answered with an error, and the next one is read.
type lines struct {
	from io.Closer
	in   *bufio.Reader
	rest []byte // of the message that is being read

	mu  sync.Mutex // one message at a time is written
	out io.WriteCloser
}

func newLines(in io.ReadCloser, out io.WriteCloser) *lines {
	return &lines{from: in, in: bufio.NewReader(in), out: out}
}

func (l *lines) transport() mcp.Transport {
	return &mcp.IOTransport{Reader: lineReader{l}, Writer: lineWriter{l}}
}

// The two ends have a Close each.
type (
	lineReader struct{ *lines }
	lineWriter struct{ *lines }
)

func (r lineReader) Close() error { return r.from.Close() }
func (w lineWriter) Close() error { return w.out.Close() }

func (w lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

func (r lineReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		line, err := r.next()
		if err != nil {
			return 0, err
		}
		if code, wrong := fault(line); wrong != "" {
			if err := r.refuse(code, wrong); err != nil {
				return 0, err
			}
			continue
		}
		line = append(line, '\n')
		r.rest = line
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next reads a line that has something on it. Of one that is too long it returns
// so much that this shows.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		if len(line) <= mostLine {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil // an error comes again
		}
		if err != nil {
			return nil, err
		}
	}
}

// fault is what is wrong with a line, and its code; empty if it is a message, or
// several at once. It quotes nothing.
func fault(line []byte) (code int, wrong string) {
	if len(line) > mostLine {
		return jsonrpc.CodeInvalidRequest, fmt.Sprintf("the message has more than %d bytes", mostLine)
	}
	if !json.Valid(line) {
		return jsonrpc.CodeParseError, "this is not JSON: an MCP client writes here, one JSON-RPC message a line: docs/mcp.md"
	}
	messages := []json.RawMessage{line}
	if line[0] == '[' {
		_ = json.Unmarshal(line, &messages) // it is valid
	}
	for _, m := range messages {
		if _, err := jsonrpc.DecodeMessage(m); err != nil {
			return jsonrpc.CodeInvalidRequest, "this is JSON, and no message of JSON-RPC 2.0"
		}
	}
	if len(messages) == 0 {
		return jsonrpc.CodeInvalidRequest, "there is no message in this list"
	}
	return 0, ""
}

// refuse answers a line that is no message. What it asked for, if anything, can't
// be told.
func (l *lines) refuse(code int, wrong string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := fmt.Fprintf(l.out, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%q}}`+"\n", code, wrong)
	return err
}
