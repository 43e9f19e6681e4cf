package store

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Places is a set of places in a log, as spans in order.
type Places []Span

// Span is so many places in a row.
type Span struct{ First, Count uint64 }

// newPlaces makes the set of places that are in order and each there once.
func newPlaces(seqs []uint64) Places {
	var p Places
	for _, seq := range seqs {
		if n := len(p); n > 0 && p[n-1].First+p[n-1].Count == seq {
			p[n-1].Count++
			continue
		}
		p = append(p, Span{First: seq, Count: 1})
	}
	return p
}

// Len is how many places there are.
func (p Places) Len() uint64 {
	var n uint64
	for _, s := range p {
		n += s.Count
	}
	return n
}

// Has reports whether a place is one of them.
func (p Places) Has(seq uint64) bool {
	i, found := slices.BinarySearchFunc(p, seq, func(s Span, seq uint64) int {
		switch {
		case seq < s.First:
			return 1
		case seq >= s.First+s.Count:
			return -1
		default:
			return 0
		}
	})
	return found && i < len(p)
}

// pack writes the set: for each span the distance from the end of the one before,
// and its length, as varints.
func (p Places) pack() []byte {
	var b []byte
	var next uint64
	for _, s := range p {
		b = binary.AppendUvarint(b, s.First-next)
		b = binary.AppendUvarint(b, s.Count)
		next = s.First + s.Count
	}
	return b
}

var errPlaces = errors.New("not a set of places")

// unpackPlaces reads what pack wrote, and nothing else: a set has one spelling.
func unpackPlaces(b []byte) (Places, error) {
	var p Places
	var next uint64
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errPlaces
		}
		count, m := binary.Uvarint(b[n:])
		first := next + gap
		if m <= 0 || count == 0 || gap == 0 && len(p) > 0 || first < next || first+count < first || first+count > 1<<63 {
			return nil, errPlaces
		}
		b = b[n+m:]
		p = append(p, Span{First: first, Count: count})
		next = first + count
	}
	return p, nil
}

// Within is how many of the places lie from one on and before another.
func (p Places) Within(first, end uint64) uint64 {
	var n uint64
	for _, s := range p {
		from, to := max(s.First, first), min(s.First+s.Count, end)
		if from < to {
			n += to - from
		}
	}
	return n
}
