package agent

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// FileReader reads a file of a session line by line: what the readers of several
// clients have in common. It bounds what it remembers.
type FileReader struct {
	*Teller
	File    *SessionFile
	Reading SessionReading
	Scene   Scene // of the last line
	// Line is the line that is being read.
	Line loose.Line

	calls    map[string]*heldCall
	order    []*heldCall
	end      int64
	torn     int64
	newlyBad bool
	begun    bool
}

// heldCall is a call whose result has not been read yet.
type heldCall struct {
	scene      Scene
	call       FileCall
	start, end int64
	over       bool
}

const (
	// maxHeld bounds the calls that wait for their results.
	maxHeld = 100_000
	// maxInput is what is kept of a call's arguments until its result is read;
	// more than the trail measures of a file that is written.
	maxInput = 4 << 20
)

// ReadFile reads the lines of r and calls line with each that is whole JSON.
// line reports whether it understood it. At the end it calls last, before what
// was left open is told or held back.
func ReadFile(r io.Reader, f *SessionFile, line func(*FileReader, loose.Value) bool, last func(*FileReader)) (SessionReading, error) {
	x := &FileReader{Teller: NewTeller(f), File: f, Scene: Scene{CWD: f.CWD}, calls: map[string]*heldCall{}}
	lines := loose.NewLines(r)
	defer lines.Release()
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return x.Reading, err
		}
		x.Line = l
		if len(l.Text) > 0 {
			whole := !l.Cut && l.Text.Whole()
			if l.Open && !whole {
				x.torn = l.End
				break
			}
			x.Reading.Lines++
			if !whole || !line(x, l.Text) {
				x.bad()
			}
		}
		x.end = l.End
		if x.Err() != nil {
			return x.Reading, x.Err()
		}
	}
	x.finish(last)
	return x.Reading, x.Err()
}

func (x *FileReader) bad() {
	x.Reading.Unreadable++
	x.newlyBad = x.newlyBad || x.Fresh()
}

// Fresh tells whether what the current line says is new.
func (x *FileReader) Fresh() bool { return x.Line.End > x.File.From }

// At takes the time of the current line.
func (x *FileReader) At(at time.Time) {
	x.Reading.Span(at)
	if !at.IsZero() {
		x.Scene.At = at
	}
}

// Start tells that the session began, once.
func (x *FileReader) Start(version string) {
	if x.begun || x.Scene.At.IsZero() {
		return
	}
	x.begun = true
	if x.Fresh() {
		x.Begin(x.Scene, version)
	}
}

// Called takes a call that began.
func (x *FileReader) Called(id string, c FileCall) {
	if id == "" || x.calls[id] != nil || len(x.calls) >= maxHeld {
		return
	}
	c.Input = bytes.Clone(c.Input[:min(len(c.Input), maxInput)])
	h := &heldCall{scene: x.Scene, call: c, start: x.Line.Start, end: x.Line.End}
	x.calls[id] = h
	x.order = append(x.order, h)
}

// Held returns the call of that id which waits for its result; nil if there is
// none.
func (x *FileReader) Held(id string) *FileCall {
	if h := x.calls[id]; h != nil && !h.over {
		return &h.call
	}
	return nil
}

// Settle tells what became of a call; result changes what is told of it.
func (x *FileReader) Settle(id string, result func(*FileCall)) {
	h := x.calls[id]
	if h == nil || h.over {
		return
	}
	h.scene.At = cmp.Or(x.Scene.At, h.scene.At)
	result(&h.call)
	x.settle(h, x.Line.End)
}

// Drop forgets a call that is told otherwise.
func (x *FileReader) Drop(id string) {
	if h := x.calls[id]; h != nil {
		h.over, h.call = true, FileCall{}
	}
}

func (x *FileReader) settle(h *heldCall, end int64) {
	if end > x.File.From {
		x.Call(h.scene, &h.call)
		x.Reading.Calls++
	}
	h.over, h.call = true, FileCall{}
}

// giveUp tells the calls whose results did not come, and never will.
func (x *FileReader) giveUp() {
	for _, h := range x.order {
		if !h.over {
			h.call.Ending = EndingUnknown
			x.settle(h, h.end)
		}
	}
	x.order = x.order[:0]
	clear(x.calls)
}

// Hold leaves what begins there for the next time.
func (x *FileReader) Hold(from int64) {
	x.Reading.Next, x.Reading.Held = min(x.Reading.Next, from), true
}

// Requested tells a call of a model, if the current line is new.
func (x *FileReader) Requested(key string, u *Usage, data whodid.Data) {
	if x.Fresh() {
		x.Request(x.Scene, key, u, data)
		x.Reading.Requests++
	}
}

func (x *FileReader) finish(last func(*FileReader)) {
	quiet := x.File.Quiet(x.Reading.Last)
	if x.torn > 0 && quiet {
		x.Reading.Lines++
		x.bad()
		x.end = x.torn
	}
	x.Reading.Next = x.end
	if last != nil {
		last(x)
	}
	if quiet {
		x.giveUp()
	}
	for _, h := range x.order {
		if !h.over {
			x.Hold(h.start)
		}
	}
	if x.Reading.Unreadable > 0 && x.newlyBad {
		x.Gap(Scene{At: x.Reading.Last}, x.Reading.Unreadable)
	}
	if x.begun && x.File.Silent(x.Reading.Last) {
		x.Reading.Over = true
		x.End(Scene{At: x.Reading.Last, CWD: x.Scene.CWD})
	}
}

// Clock reads a time as clients write it; zero if it is none that an event may
// have.
func Clock(v loose.Value) time.Time {
	at, err := time.Parse(time.RFC3339Nano, v.Text(64))
	if err != nil || at.Year() < 2000 || at.Year() >= 2200 {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}

// FileAct is something that a call did to a file, told by itself: with no tool
// that would say what it was.
type FileAct struct {
	What, Path     string
	Tool, ID       string
	Part, Parts    int
	Ending         Ending
	Added, Removed int64 // negative if they are not known
}

// Act tells what a call did to a file.
func (t *Teller) Act(s Scene, a *FileAct) {
	h := t.hook(s)
	at := a.Ending.stage()
	e := h.event(a.What, CallKey(h.client, h.p.session, a.ID, a.Part))
	e.Target, e.Result, e.Data = h.place().target(a.Path), at.result(), whodid.Data{}
	Put(e.Data, "reason", at.reason())
	Put(e.Data, "tool", Identifier(a.Tool))
	Put(e.Data, "call", CleanID(a.ID))
	Put(e.Data, "agent_id", h.p.agentID)
	if a.Parts > 1 {
		e.Data["part"] = int64(a.Part + 1)
	}
	if at == stageDone {
		number(e.Data, "lines_added", a.Added, a.Added >= 0)
		number(e.Data, "lines_removed", a.Removed, a.Removed >= 0)
	}
	h.add(e)
	t.tellAll(h)
}
