// Reads length-prefixed messages as a Go peer does; see read.mjs.
//
// encoding/json matches the fields of a struct without regard to case, and the
// keys of a map exactly: both readings are answered, with a tab between them.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"strings"
	"unicode"
)

type envelope struct {
	Method any             `json:"method"`
	ID     any             `json:"id"`
	Params json.RawMessage `json:"params"`
}

type params struct {
	Name      any `json:"name"`
	URI       any `json:"uri"`
	Arguments any `json:"arguments"`
}

func canon(value any) string {
	switch v := value.(type) {
	case nil:
		return "n"
	case bool:
		if v {
			return "t"
		}
		return "f"
	case float64:
		return fmt.Sprintf("d%016x", math.Float64bits(v+0))
	case string:
		return "s" + hex.EncodeToString([]byte(v))
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = canon(item)
		}
		return "[" + strings.Join(items, ",") + "]"
	case map[string]any:
		members := make([]string, 0, len(v))
		for key, of := range v {
			members = append(members, hex.EncodeToString([]byte(key))+":"+canon(of))
		}
		// Keys of different lengths: `:` sorts before the letters, after the digits.
		sort.Slice(members, func(i, j int) bool {
			a, _, _ := strings.Cut(members[i], ":")
			b, _, _ := strings.Cut(members[j], ":")
			return a < b
		})
		return "{" + strings.Join(members, ",") + "}"
	}
	panic(fmt.Sprintf("no JSON: %T", value))
}

func part(value any) string {
	if value == nil {
		return "-"
	}
	return canon(value)
}

func join(method, id, name, uri, arguments any) string {
	return strings.Join([]string{part(method), part(id), part(name), part(uri), part(arguments)}, "|")
}

func asStruct(data []byte) string {
	var message envelope
	if json.Unmarshal(data, &message) != nil {
		return "!"
	}
	var of params
	if len(message.Params) > 0 && json.Unmarshal(message.Params, &of) != nil {
		return "!"
	}
	return join(message.Method, message.ID, of.Name, of.URI, of.Arguments)
}

func asMap(data []byte) string {
	var message map[string]any
	if json.Unmarshal(data, &message) != nil {
		return "!"
	}
	of, _ := message["params"].(map[string]any)
	return join(message["method"], message["id"], of["name"], of["uri"], of["arguments"])
}

// printFolds prints the pairs of characters, in hexadecimal, that Go takes for
// the same when it matches keys without regard to case.
func printFolds() {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if other > r {
				fmt.Printf("%x %x\n", r, other)
			}
		}
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "folds" {
		printFolds()
		return
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var length uint32
		if binary.Read(in, binary.BigEndian, &length) != nil {
			return
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil {
			return
		}
		fmt.Fprintf(out, "%s\t%s\n", asStruct(data), asMap(data))
		out.Flush()
	}
}
