package store

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/whodid/whodid"
)

// The types of elements, as PostgreSQL's catalogue numbers them.
const (
	oidBytea = 17
	oidInt8  = 20
	oidText  = 25
)

// array is a column as PostgreSQL receives an array in binary: how many
// dimensions, whether there are NULLs, the type of the elements, their number
// and the index of the first, then each element behind its length. Encoded by the driver,
// value by value, the columns took a sixth of the processor time of recording,
// and most of the memory that it allocated.
//
// A column of which every row says the same is sent once: an array that may be
// alike holds nothing but a count until the first value that differs.
type array struct {
	b     []byte
	n     uint32
	alike bool
	value string // the one that all are so far
}

func newArray(oid uint32) *array {
	a := &array{}
	a.reset(oid)
	return a
}

func (a *array) reset(oid uint32) {
	a.n, a.alike, a.value = 0, false, ""
	a.b = binary.BigEndian.AppendUint32(a.b[:0], 1)
	a.b = binary.BigEndian.AppendUint32(a.b, 0)
	a.b = binary.BigEndian.AppendUint32(a.b, oid)
	a.b = binary.BigEndian.AppendUint32(a.b, 0)
	a.b = binary.BigEndian.AppendUint32(a.b, 1)
}

func (a *array) text(s string) {
	if a.alike {
		if a.n == 0 {
			a.value = s
		}
		if a.value == s {
			a.n++
			return
		}
		n := a.n
		a.n, a.alike = 0, false
		for range n {
			a.text(a.value)
		}
	}
	a.n++
	a.b = append(binary.BigEndian.AppendUint32(a.b, uint32(len(s))), s...)
}

func (a *array) bytes(b []byte) {
	a.n++
	a.b = append(binary.BigEndian.AppendUint32(a.b, uint32(len(b))), b...)
}

func (a *array) int(n int64) {
	a.n++
	a.b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(a.b, 8), uint64(n))
}

func (a *array) null() {
	a.n++
	binary.BigEndian.PutUint32(a.b[4:], 1)
	a.b = binary.BigEndian.AppendUint32(a.b, 0xffffffff)
}

// same is the value of all rows, or nil if they have different ones.
func (a *array) same() []byte {
	if !a.alike {
		return nil
	}
	return []byte(a.value)
}

// done is the array as it is sent; empty if all values are the same.
func (a *array) done() []byte {
	if a.alike {
		a.n = 0
	}
	binary.BigEndian.PutUint32(a.b[12:], a.n)
	return a.b
}

func bigEndian(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// The statements that take the columns of many rows. The organisation is the
// same for all.
var insertEventArrays = func() string {
	names := strings.Split(eventColumns, ", ")
	var arrays, values []string
	alike := len(names)
	for i, name := range names[1:] {
		kind := "text"
		switch name {
		case "seq", "at", "recorded_at", "action":
			kind = "bigint"
		case "salt", "leaf":
			kind = "bytea"
		}
		arrays = append(arrays, "unnest($"+strconv.Itoa(i+2)+"::"+kind+"[]) AS "+name)
		if name == "data" {
			name += "::json"
		}
		value := "u." + name
		if slices.Contains(arraysAlike[:], i) {
			alike++
			value = "COALESCE(" + value + ", $" + strconv.Itoa(alike) + "::text)"
		}
		values = append(values, value)
	}
	// In the list of what is selected the arrays are read in step. Behind FROM
	// each would be written to a store of its own first.
	return `INSERT INTO event (` + eventColumns + `) SELECT $1::text, ` + strings.Join(values, ", ") +
		` FROM (SELECT ` + strings.Join(arrays, ", ") + `) AS u`
}()

const (
	insertIDArrays   = `INSERT INTO event_id (org, id, seq) SELECT $1::text, unnest($2::text[]), unnest($3::bigint[])`
	insertTileArrays = `INSERT INTO tile (org, level, n, hashes) SELECT $1::text, u.* FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS u`
)

const insertRedactedArrays = `INSERT INTO redacted (org, day, rule, n) ` +
	`SELECT $1::text, unnest($2::bigint[]), unnest($3::text[]), unnest($4::bigint[]) ` + addRedactions

const insertActionArrays = `INSERT INTO action_hour (org, hour, what, result, n) ` +
	`SELECT $1::text, unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]) ` + addActions

// eventArrays holds rows by column, without their organisation.
type eventArrays struct {
	org     []byte
	columns [22]array
}

// The places of columns that are used apart.
const (
	arrayOfSeq  = 0
	arrayOfID   = 1
	arrayOfSalt = 20
	arrayOfLeaf = 21
)

// arraysAlike are the places of columns that are often the same in all rows of
// an append. One that is short of values gives NULL for the rest.
var arraysAlike = [...]int{3, 4, 6, 7, 8, 9, 13, 14, 16, 17, 18}

// arraysInUse keeps the buffers of an append for the next.
var arraysInUse = sync.Pool{New: func() any { return new(eventArrays) }}

func newEventArrays(org string, rows []*Row) *eventArrays {
	c := arraysInUse.Get().(*eventArrays)
	c.org = []byte(org)
	for i := range c.columns {
		c.columns[i].reset(oidText)
	}
	for _, i := range []int{arrayOfSeq, 5, 11, 12} {
		c.columns[i].reset(oidInt8)
	}
	c.columns[arrayOfSalt].reset(oidBytea)
	c.columns[arrayOfLeaf].reset(oidBytea)
	for _, i := range arraysAlike {
		c.columns[i].alike = true
	}
	for _, r := range rows {
		c.add(r)
	}
	return c
}

// maxKept bounds the buffers that are kept for the next append, in bytes of one
// column.
const maxKept = 1 << 20

// release gives the buffers back. What params returned may not be used after.
func (c *eventArrays) release() {
	for i := range c.columns {
		if cap(c.columns[i].b) > maxKept {
			return
		}
		c.columns[i].value = "" // it may be a part of a whole request
	}
	arraysInUse.Put(c)
}

// add adds a row, its columns in the order of eventColumns.
func (c *eventArrays) add(r *Row) {
	class, action := classOf(r.What)
	a := &c.columns
	a[0].int(int64(r.Seq))
	a[1].text(r.ID)
	a[2].text(r.Key)
	a[3].text(r.What)
	a[4].text(string(class))
	a[5].int(action)
	a[6].text(r.Actor)
	a[7].text(r.ActorAuth)
	a[8].text(r.OnBehalfOf)
	a[9].text(r.OnBehalfAuth)
	a[10].text(r.Target)
	a[11].int(whodid.Micros(r.At))
	a[12].int(whodid.Micros(r.RecordedAt))
	a[13].text(r.Why)
	a[14].text(string(r.Result))
	a[15].text(r.Execution)
	a[16].text(r.Session)
	a[17].text(r.Approval)
	a[18].text(r.Source)
	a[19].bytes(r.DataText)
	a[20].bytes(r.Salt[:])
	a[21].bytes(r.LeafHash[:])
}

// params are the parameters of insertEventArrays.
func (c *eventArrays) params() [][]byte {
	out := make([][]byte, 0, 1+len(c.columns)+len(arraysAlike))
	out = append(out, c.org)
	for i := range c.columns {
		out = append(out, c.columns[i].done())
	}
	for _, i := range arraysAlike {
		out = append(out, c.columns[i].same())
	}
	return out
}

// ids are the parameters of insertIDArrays.
func (c *eventArrays) ids() [][]byte {
	return [][]byte{c.org, c.columns[arrayOfID].done(), c.columns[arrayOfSeq].done()}
}

// executionArrays turns executions into an array for each column. A number
// that is not known stays so.
func executionArrays(executions [][]any) [][]byte {
	out := make([][]byte, 0, len(executionColumnNames()))
	for i, name := range executionColumnNames() {
		a := newArray(oidText)
		if slices.Contains(executionNumbers, name) {
			a.reset(oidInt8)
		}
		for _, columns := range executions {
			switch v := columns[i].(type) {
			case string:
				a.text(v)
			case int64:
				a.int(v)
			default:
				a.null()
			}
		}
		out = append(out, a.done())
	}
	return out
}
