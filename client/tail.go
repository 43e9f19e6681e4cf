package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Tail follows the log: it yields each event as it comes, in the order of the
// log, none twice and none left out, until the context ends. When the server
// goes away it comes back to where it stood. It begins with the event at the
// index from, or, where that is negative, with the next that comes. An error
// that trying again can't mend is the last that it yields.
func (c *Client) Tail(ctx context.Context, filter string, from int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := &follower{client: c, filter: filter, next: from}
		for failures := 0; ; {
			began := f.next
			err := f.follow(ctx, yield)
			switch {
			case ctx.Err() != nil, errors.Is(err, errEnough):
				return
			case f.next != began:
				failures = 0 // it went well for a while
			}
			var said *Error
			if errors.As(err, &said) && !said.Temporary() || errors.Is(err, errToken) {
				yield(Event{}, err)
				return
			}
			failures++
			wait := c.wait(min(failures, 16))
			if said != nil {
				wait = max(wait, said.RetryAfter)
			}
			if pause(ctx, wait) != nil {
				return
			}
		}
	}
}

type follower struct {
	client *Client
	filter string
	next   int64 // the index of the event to go on with; negative is the next that comes
}

// errEnough means that who follows wants no more.
var errEnough = errors.New("enough")

// silence is how long a server may say nothing at all: it says so every 15
// seconds that nothing happens.
const silence = 50 * time.Second

// follow reads one stream to its end.
func (f *follower) follow(ctx context.Context, yield func(Event, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query := url.Values{}
	if f.filter != "" {
		query.Set("q", f.filter)
	}
	if f.next >= 0 {
		query.Set("from", strconv.FormatInt(f.next, 10))
	}
	r := get("/v1/tail", query)
	r.header.Set("Accept", "text/event-stream")
	resp, err := f.client.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if media := resp.Header.Get("Content-Type"); media != "text/event-stream" {
		return &Error{Status: http.StatusNotAcceptable, Title: "Not Acceptable", Detail: fmt.Sprintf("%s is not a stream of events", media)}
	}
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	var data []byte
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		watchdog.Reset(silence)
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0 && len(data) > 0:
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return fmt.Errorf("couldn't read an event of the stream: %w", err)
			}
			data = data[:0]
			f.next = int64(e.Seq) + 1
			if !yield(e, nil) {
				return errEnough
			}
		case bytes.HasPrefix(line, []byte("data: ")):
			data = append(data, line[len("data: "):]...)
		case bytes.HasPrefix(line, []byte(": ")):
			// Nothing up to there is of interest, so that it need not be read
			// again.
			if n, err := strconv.ParseInt(string(line[2:]), 10, 62); err == nil {
				f.next = max(f.next, n)
			}
		}
	}
}
