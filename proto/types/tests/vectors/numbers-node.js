// Made numbers-node.json: `node numbers-node.js > numbers-node.json` (Node 20). What JSON.parse and
// JSON.stringify make of number texts, and whether the number is an integer that a double rounds.
let seed = 12345n;
const rnd = () => { seed = (seed * 6364136223846793005n + 1442695040888963407n) & ((1n<<64n)-1n); return seed; };
const texts = new Set(['0','-0','0.0','-0.0','1','1.0','1e0','100e-2','1e1','1E+1','0.1','0.2','0.30000000000000004','1e21','1e20','123456789012345680000','1e-6','1e-7','0.000001','0.0000001','5e-324','2.2250738585072014e-308','1.7976931348623157e308','1e400','-1e400','9007199254740991','9007199254740992','9007199254740993','-9007199254740991','-9007199254740993','9007199254740992.0','9.007199254740993e15','1e15','1e16','4.35','0.5','-1.5e-10','333333333.33333329','1E30','4.50','2e-3','1e-27','295147905179352830000','999999999999999900000','999999999999999700000']);
const buf = new DataView(new ArrayBuffer(8));
while (texts.size < 600) { buf.setBigUint64(0, rnd()); const x = buf.getFloat64(0); if (!Number.isFinite(x)) continue;
  const k = Number(rnd() % 4n); texts.add(k===0?String(x):k===1?x.toExponential():k===2?x.toPrecision(17).replace(/^(-?\d+)e/,'$1e'):String(Number(BigInt.asIntN(56, rnd())))); }
const out = [...texts].map(t => { const x = JSON.parse(t); return { text: t, printed: Number.isFinite(x) ? JSON.stringify(x) : null, unsafe: Number.isFinite(x) && Number.isInteger(x) && !Number.isSafeInteger(x) }; });
console.log('[\n' + out.map(v => JSON.stringify(v)).join(',\n') + '\n]');
