package parquet

import "encoding/binary"

// The types of Thrift's compact protocol that metadata of Parquet needs.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thrift writes the compact protocol. Fields must come in the order of their
// numbers.
type thrift struct {
	b    []byte
	last int   // number of the last field of the struct that is open
	open []int // the last fields of those around it
}

func (t *thrift) field(n int, kind byte) {
	if delta := n - t.last; delta > 0 && delta < 16 {
		t.b = append(t.b, byte(delta)<<4|kind)
	} else {
		t.b = binary.AppendVarint(append(t.b, kind), int64(n))
	}
	t.last = n
}

func (t *thrift) i32(n int, v int32) {
	t.field(n, thriftI32)
	t.b = binary.AppendVarint(t.b, int64(v))
}

func (t *thrift) i64(n int, v int64) {
	t.field(n, thriftI64)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *thrift) truth(n int, v bool) {
	if v {
		t.field(n, thriftTrue)
	} else {
		t.field(n, thriftFalse)
	}
}

func (t *thrift) text(n int, s string) {
	t.field(n, thriftBinary)
	t.bytes(s)
}

func (t *thrift) bytes(s string) {
	t.b = append(binary.AppendUvarint(t.b, uint64(len(s))), s...)
}

// list begins a list of size elements.
func (t *thrift) list(n int, kind byte, size int) {
	t.field(n, thriftList)
	if size < 15 {
		t.b = append(t.b, byte(size)<<4|kind)
	} else {
		t.b = binary.AppendUvarint(append(t.b, 0xf0|kind), uint64(size))
	}
}

// begin opens a struct that is a field; element one that is in a list.
func (t *thrift) begin(n int) {
	t.field(n, thriftStruct)
	t.element()
}

func (t *thrift) element() {
	t.open = append(t.open, t.last)
	t.last = 0
}

// end closes the struct that was opened last.
func (t *thrift) end() {
	t.b = append(t.b, 0)
	if n := len(t.open); n > 0 {
		t.last, t.open = t.open[n-1], t.open[:n-1]
	}
}
