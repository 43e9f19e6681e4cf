package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/whodid/whodid/proof/population"
)

// maxWords is how many different values a dictionary has at most. A column that
// has more is written plainly, in this group and those after it.
const maxWords = 4096

// column gathers a column of the group that is open.
type column struct {
	population.Column
	defined []uint32 // of each row 1, or 0 if it is null
	// numbers are the values that are not null: of a column of texts with a
	// dictionary their places in it.
	numbers []int64
	texts   []string // of a column of texts without one
	// dictionary finds a text's place in words; nil if there is none.
	dictionary map[string]int64
	words      []string
	varied     bool // it had too many different values before
}

func (c *column) isText() bool {
	return c.Type == population.Text || c.Type == population.JSON
}

func (c *column) physical() int32 {
	if c.isText() {
		return typeByteArray
	}
	return typeInt64
}

// reset readies the column for the next group.
func (c *column) reset() {
	c.defined, c.numbers = c.defined[:0], c.numbers[:0]
	clear(c.texts)
	c.texts = c.texts[:0]
	clear(c.words)
	c.words = c.words[:0]
	switch {
	case !c.isText() || c.varied:
		c.dictionary = nil
	case c.dictionary == nil:
		c.dictionary = map[string]int64{}
	default:
		clear(c.dictionary)
	}
}

// append adds a value, and returns how much of a text it takes.
func (c *column) append(v *population.Value) int {
	if !v.Known() {
		c.defined = append(c.defined, 0)
		return 0
	}
	c.defined = append(c.defined, 1)
	if !c.isText() {
		c.numbers = append(c.numbers, v.Int())
		return 0
	}
	text := v.Text()
	if c.dictionary == nil {
		c.texts = append(c.texts, text)
		return len(text)
	}
	// Values that repeat mostly repeat the last one.
	if n := len(c.numbers); n > 0 && c.words[c.numbers[n-1]] == text {
		c.numbers = append(c.numbers, c.numbers[n-1])
		return 0
	}
	place, ok := c.dictionary[text]
	if !ok {
		if len(c.words) == maxWords {
			c.giveUp()
			c.texts = append(c.texts, text)
			return len(text)
		}
		place = int64(len(c.words))
		c.words = append(c.words, text)
		c.dictionary[text] = place
	}
	c.numbers = append(c.numbers, place)
	if ok {
		return 0
	}
	return len(text)
}

// giveUp turns a column with a dictionary into one without.
func (c *column) giveUp() {
	for _, place := range c.numbers {
		c.texts = append(c.texts, c.words[place])
	}
	c.numbers, c.dictionary, c.varied = c.numbers[:0], nil, true
}

func (c *column) appendDictionary(b []byte) []byte {
	for _, word := range c.words {
		b = appendText(b, word)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// appendValues writes the body of the page of data, and returns its encoding.
func (c *column) appendValues(b []byte) ([]byte, int32) {
	size := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendHybrid(b, 1, len(c.defined), func(i int) uint32 { return c.defined[i] })
	binary.LittleEndian.PutUint32(b[size:], uint32(len(b)-size-4))
	switch {
	case c.dictionary != nil:
		width := bits.Len(uint(max(len(c.words)-1, 0)))
		b = append(b, byte(width))
		return appendHybrid(b, width, len(c.numbers), func(i int) uint32 { return uint32(c.numbers[i]) }), encodingDictionary
	case c.isText():
		for _, text := range c.texts {
			b = appendText(b, text)
		}
	default:
		for _, n := range c.numbers {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
	}
	return b, encodingPlain
}

// appendHybrid writes numbers of so many bits in the format's mixture of runs
// and packed groups of eight.
func appendHybrid(b []byte, width, n int, at func(int) uint32) []byte {
	const eight = 8
	run := func(i int) int {
		j := i + 1
		for j < n && at(j) == at(i) {
			j++
		}
		return j - i
	}
	for i := 0; i < n; {
		if r := run(i); r >= eight {
			b = binary.AppendUvarint(b, uint64(r)<<1)
			for v, k := at(i), 0; k < width; k += eight {
				b = append(b, byte(v))
				v >>= eight
			}
			i += r
			continue
		}
		first := i
		for i += eight; i < n && run(i) < eight; {
			i += eight
		}
		b = binary.AppendUvarint(b, uint64((i-first)/eight)<<1|1)
		var bitsOf uint64
		used := 0
		for j := first; j < i; j++ {
			if j < n {
				bitsOf |= uint64(at(j)) << used
			}
			for used += width; used >= eight; used -= eight {
				b = append(b, byte(bitsOf))
				bitsOf >>= eight
			}
		}
	}
	return b
}
