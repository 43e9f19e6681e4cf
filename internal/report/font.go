package report

import (
	_ "embed" // the fonts of PDFs
	"encoding/binary"
	"sync"
)

// The Go fonts, with the characters of Latin, Greek and Cyrillic scripts; see
// font/LICENSE.
//
//go:embed font/Go-Regular.ttf
var fontRegular []byte

//go:embed font/Go-Bold.ttf
var fontBold []byte

// glyphs tells which characters the fonts have: both have the same.
var glyphs = sync.OnceValue(func() map[rune]bool { return charactersOf(fontRegular) })

// charactersOf reads the characters of a TrueType font from the segments of its
// table cmap (format 4). The font is a part of the program.
func charactersOf(font []byte) map[rune]bool {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	known := map[rune]bool{}
	for i := range u16(4) {
		record := 12 + 16*i
		if string(font[record:record+4]) != "cmap" {
			continue
		}
		cmap := u32(record + 8)
		for j := range u16(cmap + 2) {
			sub := cmap + u32(cmap+4+8*j+4)
			if u16(sub) != 4 {
				continue
			}
			segments := u16(sub+6) / 2
			ends, starts := sub+14, sub+16+2*segments
			for k := range segments {
				for r := u16(starts + 2*k); r <= u16(ends+2*k) && r < 0xffff; r++ {
					known[rune(r)] = true
				}
			}
		}
	}
	return known
}
