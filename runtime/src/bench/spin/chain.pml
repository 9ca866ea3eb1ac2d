/* The reference chain: source, three operators, sink; every step is one transition, as in sim/src/reference_chain.rs. */
#define IS_MARKER(i) ((i & 15) == 0)
#define MIXED(i, v)  (i | (((i >> 5) == v) -> 0 : 16))
#define PASS(from, to, v) \
	d_step { nempty(from) && nfull(to) -> from ? item; \
		if :: IS_MARKER(item) -> v = item >> 5 :: else -> item = MIXED(item, v) fi; to ! item }

chan arc0 = [CAPACITY] of { byte };
chan arc1 = [CAPACITY] of { byte };
chan arc2 = [CAPACITY] of { byte };
chan arc3 = [CAPACITY] of { byte };
byte source, one, two, three, sink;
byte packets = PACKETS, markers = MARKERS, received;
hidden byte item;

active proctype chain() {
	do
	:: d_step { packets > 0 && nfull(arc0) -> arc0 ! ((source << 5) | (PACKETS - packets + 1)); packets-- }
	:: d_step { markers > 0 && nfull(arc0) -> markers--; source++; arc0 ! ((source << 5) | 16) }
	:: PASS(arc0, arc1, one)
	:: PASS(arc1, arc2, two)
	:: PASS(arc2, arc3, three)
	:: d_step { nempty(arc3) -> arc3 ? item;
		if
		:: IS_MARKER(item) -> sink = item >> 5
		:: else -> received++; assert((item & 16) == 0 && (item >> 5) == sink)
		fi }
	od
}
