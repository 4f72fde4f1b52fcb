r1 = r2
r0 += 4
w0 = w1
w0 = 5
if r1 > 5 goto +2
if w1 s<= w2 goto -3
*(u32 *)(r1 + 4) = r2
*(u8 *)(r1 - 4) = 7
r0 = *(u8 *)(r1 + 0)
r0 = *(s16 *)(r1 + 0)
w0 = *(u32 *)(r1 + 0)
lock *(u64 *)(r1 + 0) += r2
lock *(u32 *)(r1 + 0) += w2
lock *(u32 *)(r1 + 0) |= w2
r3 = atomic_fetch_add((u64 *)(r1 + 0), r3)
w3 = atomic_fetch_xor((u32 *)(r1 + 0), w3)
r3 = xchg_64(r1 + 0, r3)
w3 = xchg32_32(r1 + 0, w3)
r0 = cmpxchg_64(r1 + 0, r0, r3)
w0 = cmpxchg32_32(r1 + 0, w0, w3)
r1 = 0x123 ll
r1 = -1 ll
call 5
call -1
exit
r0 = be16 r0
r0 = le64 r0
r0 = bswap32 r0
r1 = (s8)r2
r1 = (s32)r2
w1 = (s8)w2
r1 s/= r2
r1 s%= 5
w1 s/= w2
w1 s%= 5
gotol +5
goto +2
r1 = -r1
w1 = -w1
r1 s>>= 3
if r1 & 5 goto +2
if r1 & r2 goto +2
r0 = *(u8 *)skb[20]
r0 = *(u32 *)skb[r3]
r1 *= r2
r1 = -5
r1 ^= 0x7fffffff
callx r1
w1 >>= w2
r1 = 0x7fffffff
w1 = 0xffffffff
r1 = 0xffffffff00000000 ll
r1 = 0x8000000000000000 ll
if w1 > 0xffffffff goto +1
*(u64 *)(r1 + 0) = -1
*(u16 *)(r1 + 0) = 0xffff
r3 = r10
r3 = 7
r3 += r10
r3 += 7
r3 -= r10
r3 -= 7
r3 *= r10
r3 *= 7
r3 /= r10
r3 /= 7
r3 s/= r10
r3 s/= 7
r3 %= r10
r3 %= 7
r3 s%= r10
r3 s%= 7
r3 |= r10
r3 |= 7
r3 &= r10
r3 &= 7
r3 ^= r10
r3 ^= 7
r3 <<= r10
r3 <<= 7
r3 >>= r10
r3 >>= 7
r3 s>>= r10
r3 s>>= 7
if r3 == r4 goto -1
if r3 == -7 goto +300
if r3 != r4 goto -1
if r3 != -7 goto +300
if r3 > r4 goto -1
if r3 > -7 goto +300
if r3 >= r4 goto -1
if r3 >= -7 goto +300
if r3 < r4 goto -1
if r3 < -7 goto +300
if r3 <= r4 goto -1
if r3 <= -7 goto +300
if r3 & r4 goto -1
if r3 & -7 goto +300
if r3 s> r4 goto -1
if r3 s> -7 goto +300
if r3 s>= r4 goto -1
if r3 s>= -7 goto +300
if r3 s< r4 goto -1
if r3 s< -7 goto +300
if r3 s<= r4 goto -1
if r3 s<= -7 goto +300
w3 = w4
w3 = 7
w3 += w4
w3 += 7
w3 -= w4
w3 -= 7
w3 *= w4
w3 *= 7
w3 /= w4
w3 /= 7
w3 s/= w4
w3 s/= 7
w3 %= w4
w3 %= 7
w3 s%= w4
w3 s%= 7
w3 |= w4
w3 |= 7
w3 &= w4
w3 &= 7
w3 ^= w4
w3 ^= 7
w3 <<= w4
w3 <<= 7
w3 >>= w4
w3 >>= 7
w3 s>>= w4
w3 s>>= 7
if w3 == w4 goto -1
if w3 == -7 goto +300
if w3 != w4 goto -1
if w3 != -7 goto +300
if w3 > w4 goto -1
if w3 > -7 goto +300
if w3 >= w4 goto -1
if w3 >= -7 goto +300
if w3 < w4 goto -1
if w3 < -7 goto +300
if w3 <= w4 goto -1
if w3 <= -7 goto +300
if w3 & w4 goto -1
if w3 & -7 goto +300
if w3 s> w4 goto -1
if w3 s> -7 goto +300
if w3 s>= w4 goto -1
if w3 s>= -7 goto +300
if w3 s< w4 goto -1
if w3 s< -7 goto +300
if w3 s<= w4 goto -1
if w3 s<= -7 goto +300
*(u8 *)(r10 - 32768) = r3
*(u8 *)(r10 + 32767) = 33
r3 = *(u8 *)(r10 - 8)
r3 = *(s8 *)(r10 - 8)
*(u16 *)(r10 - 32768) = r3
*(u16 *)(r10 + 32767) = 33
r3 = *(u16 *)(r10 - 8)
r3 = *(s16 *)(r10 - 8)
*(u32 *)(r10 - 32768) = r3
*(u32 *)(r10 + 32767) = 33
r3 = *(u32 *)(r10 - 8)
r3 = *(s32 *)(r10 - 8)
*(u64 *)(r10 - 32768) = r3
*(u64 *)(r10 + 32767) = 33
r3 = *(u64 *)(r10 - 8)
r3 = (s8)r4
r0 = *(u8 *)skb[r4]
r0 = *(u8 *)skb[7]
r3 = (s16)r4
r0 = *(u16 *)skb[r4]
r0 = *(u16 *)skb[7]
r3 = (s32)r4
r0 = *(u32 *)skb[r4]
r0 = *(u32 *)skb[7]
w3 = (s8)w4
w3 = (s16)w4
r3 = be16 r3
r3 = le16 r3
r3 = bswap16 r3
r3 = be32 r3
r3 = le32 r3
r3 = bswap32 r3
r3 = be64 r3
r3 = le64 r3
r3 = bswap64 r3
lock *(u64 *)(r5 - 8) += r4
lock *(u64 *)(r5 - 8) |= r4
lock *(u64 *)(r5 - 8) &= r4
lock *(u64 *)(r5 - 8) ^= r4
r4 = atomic_fetch_add((u64 *)(r5 + 8), r4)
r4 = atomic_fetch_or((u64 *)(r5 + 8), r4)
r4 = atomic_fetch_and((u64 *)(r5 + 8), r4)
r4 = atomic_fetch_xor((u64 *)(r5 + 8), r4)
lock *(u32 *)(r5 - 8) += w4
lock *(u32 *)(r5 - 8) |= w4
lock *(u32 *)(r5 - 8) &= w4
lock *(u32 *)(r5 - 8) ^= w4
w4 = atomic_fetch_add((u32 *)(r5 + 8), w4)
w4 = atomic_fetch_or((u32 *)(r5 + 8), w4)
w4 = atomic_fetch_and((u32 *)(r5 + 8), w4)
w4 = atomic_fetch_xor((u32 *)(r5 + 8), w4)
