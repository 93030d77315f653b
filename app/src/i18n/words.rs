//! The words, in the order of the screens: each with its English and its Korean form.

macro_rules! words {
    ($($name:ident: $en:literal, $ko:literal;)*) => {
        /// A word or sentence of the interface, named by its English form.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(crate) enum T { $(#[doc = $en] $name,)* }

        impl T {
            /// Every word there is.
            #[cfg(test)]
            pub(crate) const ALL: &'static [T] = &[$(T::$name),*];

            pub(super) fn en(self) -> &'static str { match self { $(T::$name => $en,)* } }
            pub(super) fn ko(self) -> &'static str { match self { $(T::$name => $ko,)* } }
        }
    };
}

words! {
    // The product.
    Madang: "Madang", "마당";
    Tagline: "Talk with the people around you. No central server, no account number, nobody in between who can read it.",
        "가까운 사람들과 나누는 대화. 중앙 서버도, 계정 번호도, 중간에서 읽을 수 있는 사람도 없습니다.";
    Unaudited: "This software has not been reviewed by outside cryptographers. Do not rely on it where a life depends on it.",
        "이 프로그램은 외부 암호 전문가의 검토를 받지 않았습니다. 생명이 걸린 일에는 의지하지 마세요.";
    Loading: "One moment…", "잠시만요…";

    // Welcome.
    Language: "Language", "언어";
    CreateProfile: "Create a profile", "프로필 만들기";
    ProfileName: "Your name", "이름";
    ProfileNameHint: "As your contacts will see it", "상대에게 보일 이름";
    Passphrase: "Passphrase", "암호 문구";
    PassphraseHint: "Several words are better than one clever one", "기발한 한 단어보다 여러 단어가 낫습니다";
    PassphraseAgain: "Passphrase again", "암호 문구 다시 입력";
    ShowPassphrase: "Show the passphrase", "암호 문구 보기";
    HidePassphrase: "Hide the passphrase", "암호 문구 숨기기";
    NoRecovery: "The passphrase opens everything on this computer. Nobody can reset it. If it is forgotten, the profile, its contacts and its messages cannot be recovered.",
        "암호 문구는 이 컴퓨터에 있는 모든 것을 여는 열쇠입니다. 아무도 대신 재설정해 줄 수 없습니다. 잊어버리면 프로필과 연락처, 메시지를 복구할 수 없습니다.";
    Understood: "I understand that it cannot be recovered", "복구할 수 없다는 것을 이해했습니다";
    PassphrasesDiffer: "The two passphrases are not the same yet.", "두 암호 문구가 아직 같지 않습니다.";
    TooGuessable: "Too easy to guess. Add another word or two.", "너무 쉽게 짐작할 수 있습니다. 단어를 한두 개 더 넣어 보세요.";
    NameMissing: "Enter a name.", "이름을 입력하세요.";
    TickUnderstood: "Tick the box when you have understood it.", "내용을 이해했으면 상자에 표시하세요.";
    StrengthNone: "Strength is shown while you type", "입력하는 동안 강도를 보여 드립니다";
    StrengthWeak: "Weak: guessed in {0} by someone who has copied the disk", "약함: 디스크를 복사한 사람이 {0} 만에 알아낼 수 있습니다";
    StrengthFair: "Fair: guessed in {0} by someone who has copied the disk", "보통: 디스크를 복사한 사람이 {0} 만에 알아낼 수 있습니다";
    StrengthStrong: "Strong: guessed in {0} by someone who has copied the disk", "강함: 디스크를 복사한 사람이 {0} 걸려야 알아낼 수 있습니다";
    Seconds: "seconds", "몇 초";
    Minutes: "minutes", "몇 분";
    Hours: "hours", "몇 시간";
    Days: "days", "며칠";
    Months: "months", "몇 달";
    Years: "years", "몇 년";
    Centuries: "centuries", "수백 년";
    CreatingProfile: "Making keys. The passphrase is being stretched so that guessing is slow.", "열쇠를 만드는 중입니다. 짐작하기 어렵도록 암호 문구를 강화하고 있습니다.";
    TryDemo: "Try it first", "먼저 체험해 보기";
    DemoExplained: "A practice relay and two practice contacts that answer, in a temporary folder. It leaves nothing behind.",
        "임시 폴더에서 연습용 중계소 하나와 답장하는 연습 상대 두 명이 움직입니다. 끝나면 아무것도 남지 않습니다.";
    PracticeBanner: "Practice: nothing here is kept.", "연습 중: 여기의 내용은 남지 않습니다.";
    PracticeName: "Me", "나";

    // Unlock.
    UnlockTitle: "Locked", "잠겨 있음";
    Unlock: "Unlock", "잠금 해제";
    Unlocking: "Opening. This takes a second or two on purpose.", "여는 중입니다. 일부러 1~2초 걸리게 되어 있습니다.";
    WrongPassphrase: "That did not open it. Check the capital letters and the input language.", "열리지 않았습니다. 대문자와 입력 언어를 확인하세요.";
    InputHint: "Check Caps Lock and the Korean/English key.", "Caps Lock과 한/영 상태를 확인하세요.";
    CapsLockOn: "Caps Lock seems to be on.",
        "Caps Lock이 켜져 있는 것 같습니다.";
    TypingHangul: "Korean is being typed.",
        "한글이 입력되고 있습니다.";

    // Rail.
    Chats: "Chats", "대화";
    People: "People", "사람";
    Network: "Network", "연결";
    Settings: "Settings", "설정";
    Lock: "Lock", "잠금";
    EndPractice: "End practice",
        "연습 끝내기";
    Back: "Back", "뒤로";
    ListWidth: "Width of the list", "목록 너비";
    Close: "Close", "닫기";
    Copied: "Copied.", "복사했습니다.";
    Details: "Details", "자세히";

    // Chats.
    SearchChats: "Search chats", "대화 검색";
    NewChat: "Add a contact", "연락처 추가";
    NoChatsTitle: "Your conversations will be here", "대화가 여기에 모입니다";
    NoChatsBody: "Show your invite, or paste one you were given. With a relay, you need not be online together.",
        "상대에게 초대를 보여 주거나 받은 초대를 붙여넣으세요. 중계소가 있으면 동시에 접속해 있지 않아도 됩니다.";
    NothingFound: "Nothing found.", "찾은 결과가 없습니다.";
    ChooseChat: "Choose a conversation", "대화를 고르세요";
    ChooseChatBody: "Ctrl+K finds people, actions and settings by name.", "Ctrl+K로 사람, 동작, 설정을 이름으로 찾을 수 있습니다.";
    WaitingForThem: "Waiting for their answer", "답을 기다리는 중";
    WaitingExplained: "With a relay, you need not be online together: their answer waits there for you.",
        "중계소가 있으면 동시에 접속하지 않아도 됩니다. 상대의 답이 그곳에서 기다립니다.";
    Draft: "Draft", "작성 중";
    You: "You", "나";
    Unread: "{0} unread", "읽지 않음 {0}";
    Verified: "Verified", "확인됨";
    NotVerified: "Not verified yet", "아직 확인하지 않음";
    ShowAll: "Show all of it", "전체 보기";
    LooksLike: "This name can be mistaken for “{0}”", "‘{0}’ 님의 이름과 혼동하기 쉽습니다";
    LooksLikeAdvice: "The name of this contact looks like that of “{0}”. Make sure whom you are writing to: verify, or give one of them a name of your own.",
        "이 연락처의 이름은 ‘{0}’ 님의 이름과 비슷해 보입니다. 누구에게 쓰는지 확인하세요. 안전 번호를 비교하거나 둘 중 한 사람에게 다른 이름을 붙이면 됩니다.";
    NoMessagesYet: "No messages yet", "아직 메시지가 없습니다";
    EndOfUnread: "New messages", "새 메시지";

    // Conversation.
    WriteMessage: "Write a message", "메시지 쓰기";
    MessageTo: "Message to {0}", "{0} 님에게 보낼 메시지";
    Send: "Send", "보내기";
    Reply: "Reply", "답장";
    ReplyingTo: "Replying to {0}", "답장 대상: {0}";
    CancelReply: "Cancel the reply", "답장 취소";
    CopyText: "Copy text", "글 복사";
    ShowTrail: "Where is it now?", "지금 어디에 있나요?";
    DeleteMessage: "Delete here",
        "여기서 지우기";
    DeleteMessageTitle: "Delete this message?",
        "이 메시지를 지울까요?";
    DeleteMessageBody: "It is deleted on this computer, with its key. What {0} has received already stays with them; what they have not received yet is withdrawn where that is still possible.",
        "이 메시지를 열쇠와 함께 이 컴퓨터에서 지웁니다. {0} 님이 이미 받았다면 상대에게 남아 있고, 아직 받지 않았다면 가능한 경우 거두어들입니다.";
    MessageActions: "Message actions", "메시지 동작";
    JumpLatest: "Jump to the latest", "최신 메시지로";
    JumpLatestCount: "{0} new below", "아래에 새 메시지 {0}개";
    ArrivedLater: "arrived later", "늦게 도착";
    AfterGap: "something before this is missing", "이 앞의 글이 아직 없음";
    NothingGoes: "Nothing goes there any more", "더는 보낼 수 없습니다";
    NothingGoesAdvice: "The invite cannot be used any more, or their device was called back. Exchange a new invite.",
        "초대를 더는 쓸 수 없거나 상대가 기기를 해지했습니다. 새 초대를 주고받으세요.";
    QuoteMissing: "an earlier message", "이전 메시지";
    NewerKind: "A message of a kind that this version cannot show. Update Madang to read it.", "이 버전에서 보여 줄 수 없는 종류의 메시지입니다. 마당을 업데이트하면 읽을 수 있습니다.";
    SearchHere: "Search in this chat", "이 대화에서 검색";
    FoundCount: "{0} of {1}", "{0} / {1}";
    PreviousHit: "Previous", "이전";
    NextHit: "Next", "다음";
    FoundNone: "None", "없음";
    FirstWords: "You are connected. Everything you write here can be read only by the two of you.", "연결되었습니다. 여기에 쓰는 글은 두 사람만 읽을 수 있습니다.";
    TooLong: "Too long for one message: {0} bytes, and at most {1} fit.", "한 메시지로는 너무 깁니다. {0}바이트인데 {1}바이트까지만 들어갑니다.";
    DraftTooLong: "Of what is written here only the first {0} bytes are kept when the profile is locked.", "여기에 쓴 글은 잠글 때 앞의 {0}바이트까지만 보관됩니다.";
    Messages: "Messages", "메시지 목록";
    ContactDetails: "Contact details", "연락처 정보";
    FadeHead: "Disappearing messages", "사라지는 메시지";
    FadeExplained: "What either of you writes here from now on disappears from each computer, so long after it was shown there. You both see who chose what. Time counts only while Madang is open. {0} can still keep a copy: a photo of the screen is enough.",
        "지금부터 두 사람이 여기에 쓰는 글은 화면에 보인 뒤 정한 시간이 지나면 각자의 컴퓨터에서 사라집니다. 누가 무엇을 정했는지는 둘 다 볼 수 있습니다. 시간은 마당이 열려 있는 동안에만 흐릅니다. {0} 님이 화면을 사진으로 찍는 것처럼 사본을 남기는 일은 막을 수 없습니다.";
    FadeDefaultExplained: "This is said in every new conversation when it begins. Conversations that you have already stay as they are.",
        "새 대화가 시작될 때마다 이 시간으로 정합니다. 이미 있는 대화는 바뀌지 않습니다.";
    FadeOff: "Off", "끔";
    FadeSetMine: "You set messages to disappear after {0}.", "내가 메시지를 {0} 뒤에 사라지게 했습니다.";
    FadeSetTheirs: "{0} set messages to disappear after {1}.", "{0} 님이 메시지를 {1} 뒤에 사라지게 했습니다.";
    FadeOffMine: "You set messages to stay.", "내가 메시지를 사라지지 않게 했습니다.";
    FadeOffTheirs: "{0} set messages to stay.", "{0} 님이 메시지를 사라지지 않게 했습니다.";
    FadesAfter: "Disappears {0} after it was shown", "보이고 나서 {0} 뒤에 사라짐";
    SpanSecond: "1 second", "1초";
    SpanSeconds: "{0} seconds", "{0}초";
    SpanMinute: "1 minute", "1분";
    SpanMinutes: "{0} minutes", "{0}분";
    SpanHour: "1 hour", "1시간";
    SpanHours: "{0} hours", "{0}시간";
    SpanDay: "1 day", "1일";
    SpanDays: "{0} days", "{0}일";
    SpanWeek: "1 week", "1주";
    SpanWeeks: "{0} weeks", "{0}주";
    VoiceMine: "You, {0}: {1}", "나, {0}: {1}";
    VoiceTheirs: "{0}, {1}: {2}", "{0}, {1}: {2}";

    // Delivery.
    DeliveryWritten: "Written, kept on this computer", "작성됨, 이 컴퓨터에 보관";
    DeliverySealed: "Sealed, waiting for a road", "봉함됨, 길을 기다리는 중";
    DeliveryOnDevice: "On their device; confirmation is awaited", "상대 기기에 닿음, 확인을 기다리는 중";
    DeliveryOnRelay: "Waiting on a relay", "중계소에서 대기 중";
    DeliveryOnRelays: "Waiting on {0} relays", "중계소 {0}곳에서 대기 중";
    DeliveryDelivered: "Delivered: their device confirmed it", "전달됨: 상대 기기가 확인함";
    DeliveryRead: "Read", "읽음";
    DeliveryLost: "Not confirmed, and nothing goes there any more", "전달이 확인되지 않았고, 더는 보낼 수 없음";
    TrailTitle: "Delivery trail", "배달 경로";
    TrailWritten: "Written", "작성";
    TrailSealed: "Sealed", "봉함";
    TrailOnDevice: "On their device", "상대 기기";
    TrailRefused: "No relay took it: full, or asking for payment", "받아 준 중계소가 없음: 가득 찼거나 대가를 요구함";
    TrailOnRelay: "On a relay", "중계소";
    TrailDelivered: "Delivered", "전달";
    TrailRead: "Read", "읽음";
    TrailAwaiting: "What is awaited", "기다리는 것";
    AwaitSeal: "The message is kept on this computer and will be sealed next.", "메시지는 이 컴퓨터에 보관되어 있으며 곧 봉함됩니다.";
    AwaitRoad: "No road to them yet. It leaves by itself when a relay or their computer is reached. You can close the app; nothing is lost.",
        "아직 상대에게 가는 길이 없습니다. 중계소나 상대 컴퓨터에 닿으면 저절로 떠납니다. 앱을 닫아도 잃지 않습니다.";
    AwaitRoom: "No relay takes it for now. It is offered again by itself, and leaves too when their computer is reached. You can close the app; nothing is lost.",
        "지금은 받아 주는 중계소가 없습니다. 저절로 다시 맡기며, 상대 컴퓨터에 닿아도 떠납니다. 앱을 닫아도 잃지 않습니다.";
    AwaitDevice: "Their device holds it; its confirmation is awaited.", "상대 기기가 가지고 있습니다. 확인을 기다리고 있습니다.";
    AwaitRelay: "It waits there until their device looks.", "상대 기기가 찾아올 때까지 중계소에서 기다립니다.";
    AwaitRead: "Their device has it and confirmed it. Nothing more is awaited.", "상대 기기가 받았고 확인했습니다. 더 기다릴 것이 없습니다.";
    AwaitLost: "It was not confirmed, and nothing goes there any more. Exchange a new invite and say it again.",
        "전달이 확인되지 않았고, 더는 그곳으로 보낼 수 없습니다. 새 초대를 주고받은 뒤 다시 쓰세요.";
    AwaitNothing: "Nothing more: they have read it.", "더 기다릴 것이 없습니다. 상대가 읽었습니다.";

    // Adding a contact.
    AddTitle: "Add a contact", "연락처 추가";
    ShowInvite: "Show my invite", "내 초대 보여 주기";
    TakeInvite: "I was given an invite", "초대를 받았습니다";
    InviteExplained: "For one person. Show it, or send it over a channel you trust. Whoever uses it first becomes your contact.",
        "한 사람만 쓸 수 있습니다. 직접 보여 주거나 믿을 수 있는 길로 보내세요. 먼저 쓴 사람이 연락처에 추가됩니다.";
    MakeInvite: "Make an invite", "초대 만들기";
    MakingInvite: "Making an invite…", "초대를 만드는 중…";
    InviteText: "Invite text", "초대 글";
    InviteQr: "QR picture of the invite", "초대 QR 그림";
    CopyInvite: "Copy the invite", "초대 복사";
    InviteCopied: "Copied. The clipboard is cleared in one minute.", "복사했습니다. 클립보드는 1분 뒤에 비워집니다.";
    ClipboardCleared: "The clipboard was cleared.", "클립보드를 비웠습니다.";
    NewInvite: "Make another", "하나 더 만들기";
    InviteNoRelay: "Without a relay, both of you must be on the same local network for the first contact. Add a relay under Network to be free of that.",
        "중계소가 없으면 처음 연결할 때 두 사람이 같은 로컬 네트워크에 있어야 합니다. ‘연결’에서 중계소를 추가하면 그럴 필요가 없습니다.";
    PasteInvite: "Paste the invite here", "초대를 여기에 붙여넣으세요";
    TheirName: "Your name for them", "내가 부를 이름";
    TheirNameHint: "Only you see it", "나에게만 보입니다";
    AcceptInvite: "Add contact", "연락처에 추가";
    Accepting: "Adding…", "추가하는 중…";
    AddExplained: "What happens next: your answer is sealed and sent. When they see it, you can write to each other.",
        "다음 단계: 내 답을 봉함해 상대에게 보냅니다. 상대가 받으면 서로 글을 쓸 수 있습니다.";
    NotAnInvite: "This does not look like an invite. It begins with “madang:”.", "초대가 아닌 것 같습니다. 초대는 ‘madang:’으로 시작합니다.";
    TakeWays: "Drop a file or a picture here, paste a screenshot of the QR code with Ctrl+V, or choose a file. You can also paste the text below.",
        "파일이나 그림을 여기에 끌어다 놓거나, QR 코드 화면을 찍어 Ctrl+V로 붙여넣거나, 파일을 고르세요. 아래에 글을 붙여넣어도 됩니다.";
    PasteHere: "Paste",
        "붙여넣기";
    ChooseFile: "Choose a file",
        "파일 고르기";
    ChooseFileBody: "A text file, or a picture (PNG or JPEG) with the QR code in it. It is read on this computer only.",
        "글 파일이나 QR 코드가 들어 있는 그림(PNG, JPEG)을 고르세요. 이 컴퓨터에서만 읽습니다.";
    FilePath: "Folder or file",
        "폴더 또는 파일";
    FolderUp: "One folder up",
        "상위 폴더";
    FolderEmpty: "This folder is empty.",
        "빈 폴더입니다.";
    FolderMore: "There is more here than is listed. Type the path.",
        "여기에 다 보여 드리지 못했습니다. 경로를 직접 입력하세요.";
    LookingInFile: "Looking…",
        "찾는 중…";
    FailFile: "This cannot be read. Check that it is a file and that you may open it.",
        "읽을 수 없습니다. 파일이 맞는지, 열 수 있는 파일인지 확인하세요.";
    FailFileLarge: "This is too large. Cut the QR code out of the picture and try again.",
        "너무 큽니다. 그림에서 QR 코드 부분만 잘라 다시 시도하세요.";
    FailFileKind: "This is neither text nor a PNG or JPEG picture.",
        "글도 아니고 PNG나 JPEG 그림도 아닙니다.";
    FailFileNothing: "Nothing fitting was found in it. Is the whole QR code in the picture, and sharp?",
        "맞는 내용을 찾지 못했습니다. QR 코드 전체가 또렷하게 들어 있나요?";
    FailPaste: "Nothing fitting is on the clipboard. Copy the text or a picture of the QR code first.",
        "클립보드에 맞는 내용이 없습니다. 글이나 QR 코드 그림을 먼저 복사하세요.";
    TypedMeanwhile: "Found, but you have typed something here meanwhile, and that stays. To put in what was found, take it again.",
        "찾았지만 그동안 입력하신 내용이 있어 그대로 두었습니다. 찾은 것을 넣으려면 다시 가져오세요.";
    FailFolder: "This folder cannot be opened.",
        "이 폴더를 열 수 없습니다.";

    // Verify.
    VerifyTitle: "Verify {0}", "{0} 님 확인";
    VerifyExplained: "Compare these digits with {0}: in person, or over a call where you know the voice. If all sixty are the same, nobody stands between you.",
        "{0} 님과 이 숫자를 비교하세요. 직접 만나거나, 목소리를 아는 통화로 하세요. 예순 자리가 모두 같으면 중간에 아무도 없습니다.";
    SafetyNumber: "Safety number", "안전 번호";
    SafetyQr: "QR picture of the safety number", "안전 번호 QR 그림";
    TheyMatch: "They are the same", "같습니다";
    TheyDiffer: "They differ", "다릅니다";
    DifferAdvice: "Do not send anything important. Remove this contact, meet, and exchange new invites in person.",
        "중요한 내용을 보내지 마세요. 이 연락처를 지우고, 만나서 새 초대를 직접 주고받으세요.";
    SafetyWays: "Instead of reading digits, take a picture of the code on their screen: drop it here, paste it, or choose a file.",
        "숫자를 읽는 대신 상대 화면의 코드를 찍은 그림을 쓸 수 있습니다. 여기에 끌어다 놓거나, 붙여넣거나, 파일을 고르세요.";
    CodeSame: "The code says the same number. If it was on their own screen, nobody stands between you.",
        "코드의 번호가 같습니다. 상대의 화면에 있던 코드라면 중간에 아무도 없습니다.";
    CodeDiffers: "The code says another number.",
        "코드의 번호가 다릅니다.";
    CodeNoNumber: "This is no whole safety number: it has {0} digits, and there should be 60. That is no sign of danger; take the picture again or copy all of it.",
        "안전 번호 전체가 아닙니다. 60자리여야 하는데 {0}자리입니다. 위험하다는 뜻은 아니니, 그림을 다시 찍거나 전부 복사하세요.";
    TakeBackVerified: "Take back the verified sign", "확인 표시 거두기";
    VerifyAction: "Verify", "확인하기";
    Working: "Working…", "처리 중…";

    // Contact details.
    Rename: "Save the name", "이름 저장";
    TheyCallThemselves: "Calls themselves {0}", "스스로 쓰는 이름: {0}";
    NameSaved: "Name saved.", "이름을 저장했습니다.";
    OpenChat: "Open the conversation", "대화 열기";
    RenewHead: "Keys of this conversation", "이 대화의 열쇠";
    RenewExplained: "Madang replaces them by itself. If somebody may have copied them from this computer, replace them now: with the old ones nobody reads what is written under the new. It does not help while somebody can still read this computer.",
        "마당이 알아서 바꿉니다. 누군가 이 컴퓨터에서 열쇠를 복사했을지 모른다면 지금 바꾸세요. 새 열쇠로 쓴 글은 옛 열쇠로 읽을 수 없습니다. 이 컴퓨터를 아직 들여다볼 수 있는 사람에게는 소용이 없습니다.";
    RenewAct: "Replace the keys now", "지금 열쇠 바꾸기";
    RenewTitle: "Replace the keys shared with {0}?", "{0} 님과 함께 쓰는 열쇠를 바꿀까요?";
    RenewBody: "The keys that {0} was given for the next change are destroyed here, and others are sent. The new ones come into use at once, or, where {0}'s device has to help, when it is reached. If no answer in new keys comes within a day of use, this device begins the conversation anew, and {0} is told so. No message is lost.",
        "다음에 쓰도록 {0} 님에게 보낸 열쇠를 여기서 파기하고 다른 열쇠를 보냅니다. 새 열쇠는 바로 쓰이며, 상대 기기의 도움이 필요하면 그 기기에 닿은 뒤부터 쓰입니다. 하루를 쓰는 동안 새 열쇠로 답이 오지 않으면 이 기기가 대화를 새 열쇠로 다시 시작하고 {0} 님에게 알립니다. 메시지는 잃지 않습니다.";
    RenewComing: "New keys are on the way. Until {0}'s device is reached, the ones before are in use.",
        "새 열쇠를 준비하는 중입니다. {0} 님의 기기에 닿을 때까지는 지금 열쇠를 씁니다.";
    NoticeRenewing: "New keys for the conversation with {0} are on the way.", "{0} 님과의 대화에 쓸 새 열쇠를 준비하고 있습니다.";
    NoticeRenewed: "New keys are in use in the conversation with {0}.", "{0} 님과의 대화에 새 열쇠를 쓰기 시작했습니다.";
    FailKeys: "The keys were not replaced. Try again.", "열쇠를 바꾸지 못했습니다. 다시 시도하세요.";
    OnThisComputer: "On this computer",
        "이 컴퓨터에서";
    OnThisComputerExplained: "What is deleted here cannot be brought back here. What they have on their own devices stays with them.",
        "여기서 지운 것은 여기서 되살릴 수 없습니다. 상대의 기기에 있는 것은 그대로 남습니다.";
    ClearChat: "Delete the history",
        "대화 내용 지우기";
    ClearChatTitle: "Delete the whole history with {0}?",
        "{0} 님과 나눈 대화를 모두 지울까요?";
    ClearChatBody: "All messages of this conversation are deleted on this computer, with their keys. {0} keeps their own copy, and the contact stays. Copies of the disk made earlier are not touched.",
        "이 대화의 모든 메시지를 열쇠와 함께 이 컴퓨터에서 지웁니다. {0} 님에게 있는 사본과 연락처는 남습니다. 예전에 만든 디스크 사본에는 영향을 주지 못합니다.";
    RemoveContact: "Remove the contact",
        "연락처 지우기";
    RemoveContactTitle: "Remove {0}?",
        "{0} 님을 지울까요?";
    RemoveContactBody: "The contact, the history and all shared keys are deleted on this computer. {0} is not told, and what they write from now on reaches nobody. To talk again you need a new invite.",
        "연락처와 대화, 함께 쓰던 열쇠를 모두 이 컴퓨터에서 지웁니다. {0} 님에게는 알리지 않으며, 앞으로 상대가 쓰는 글은 전달되지 않습니다. 다시 이야기하려면 새 초대가 필요합니다.";
    Cancel: "Cancel",
        "취소";
    FailErase: "Not everything could be deleted. Try again.",
        "다 지우지 못했습니다. 다시 시도하세요.";
    NoPeopleTitle: "Nobody here yet", "아직 아무도 없습니다";

    // Network.
    NetworkTitle: "Network", "연결";
    RoadsNow: "Roads that work now", "지금 열려 있는 길";
    RoadDirect: "Direct links to contacts", "연락처와 직접 연결";
    RoadDirectNone: "None. Contacts on the same local network are found by themselves.", "없음. 같은 로컬 네트워크의 연락처는 저절로 찾습니다.";
    RoadDirectSome: "{0} open", "{0}개 열림";
    RoadRelays: "Relays", "중계소";
    RoadRelaysNone: "None. Without a relay, messages wait here until both of you are on one network.", "없음. 중계소가 없으면 두 사람이 같은 네트워크에 있을 때까지 메시지는 여기서 기다립니다.";
    RoadRelaysSome: "{0} of {1} reached", "{1}곳 중 {0}곳 연결됨";
    RelayHonest: "A relay's operator sees when you connect and from where, and can guess over time which addresses write to each other. What you say stays hidden.",
        "중계소 운영자는 언제 어디서 접속하는지 볼 수 있고, 시간이 지나면 어느 주소끼리 주고받는지 짐작할 수 있습니다. 내용은 볼 수 없습니다.";
    RelayConnected: "Connected", "연결됨";
    RelayTrying: "Not reached yet; trying again by itself", "아직 닿지 않음, 스스로 다시 시도합니다";
    RelayConnectedFor: "Connected for {0}", "{0}째 연결됨";
    RelayLost: "Lost just now; trying again by itself", "방금 끊김, 스스로 다시 시도합니다";
    RelayTryingFor: "Last reached {0} ago; trying again by itself", "{0} 전에 마지막으로 닿음, 스스로 다시 시도합니다";
    RelayMakingRoom: "It says that it is full and takes only what makes room, such as receipts.",
        "가득 차서, 수신 확인처럼 자리를 비우는 것만 받는다고 합니다.";
    RelayFull: "It says that it is full and takes nothing for now.", "가득 차서 지금은 아무것도 받지 않는다고 합니다.";
    RelayLater: "It asks to wait, or for payment.", "기다려 달라고 하거나 대가를 요구합니다.";
    RelayWaiting: "Envelopes that wait to be left there: {0}", "맡기려고 기다리는 봉투: {0}개";
    RelayHome: "Keeps your mail", "내 우편을 보관";
    AddRelay: "Add a relay", "중계소 추가";
    RelayText: "Relay text or address", "중계소 글 또는 주소";
    RelayTextHint: "madang-relay:… or 10.0.0.5:4470", "madang-relay:… 또는 10.0.0.5:4470";
    RelayWays: "Paste or type what the operator gave you, or drop a file or a picture of its QR code here.",
        "운영자가 준 내용을 붙여넣거나 입력하세요. 파일이나 QR 코드 그림을 여기에 끌어다 놓아도 됩니다.";
    RelayAdded: "Relay added.", "중계소를 추가했습니다.";
    RelayRemoved: "Relay removed.", "중계소를 지웠습니다.";
    RemoveRelay: "Remove relay {0}", "중계소 {0} 지우기";
    MyAddresses: "How you are reachable", "나에게 닿는 주소";
    NoAddresses: "Not listening yet.", "아직 열린 주소가 없습니다.";
    CopyDiagnostics: "Copy diagnostics without secrets", "비밀 없이 진단 정보 복사";

    // Settings.
    SettingsTitle: "Settings", "설정";
    Appearance: "Appearance", "모양";
    Theme: "Theme", "테마";
    ThemeSystem: "As the system", "시스템 설정";
    ThemeLight: "Light", "밝게";
    ThemeDark: "Dark", "어둡게";
    TextSize: "Text size", "글자 크기";
    TextSizeValue: "{0}%", "{0}%";
    Larger: "Larger", "크게";
    Smaller: "Smaller", "작게";
    Writing: "Writing", "글쓰기";
    EnterSends: "Enter sends, Shift+Enter makes a new line", "Enter로 보내고 Shift+Enter로 줄 바꿈";
    TellRead: "Tell contacts when I have seen their messages",
        "상대의 메시지를 보았을 때 알려 주기";
    TellReadExplained: "Without it they still learn that your device has received a message.",
        "끄더라도 내 기기가 메시지를 받았다는 사실은 상대에게 전해집니다.";
    NotifyHead: "Notifications",
        "알림";
    NotifyExplained: "Shown by your desktop. While Madang is locked there are none.",
        "데스크톱이 보여 줍니다. 마당이 잠겨 있는 동안에는 알림이 없습니다.";
    NotifyOff: "None",
        "없음";
    NotifyHidden: "Only that something came",
        "왔다는 사실만";
    NotifyNamed: "Who wrote",
        "보낸 사람까지";
    NotifyFull: "Who and what",
        "보낸 사람과 내용까지";
    NotifySomething: "A new message",
        "새 메시지가 왔습니다";
    NotifyFrom: "A new message from {0}",
        "{0} 님의 새 메시지가 왔습니다";
    ProfileHead: "Profile", "프로필";
    AccountId: "Account", "계정";
    AutoLock: "Lock by itself", "자동 잠금";
    AutoLockExplained: "Locking closes the profile and forgets its keys. Messages wait meanwhile, on relays or with whoever wrote them.",
        "잠그면 프로필을 닫고 열쇠를 메모리에서 지웁니다. 그동안 메시지는 중계소나 보낸 사람의 컴퓨터에서 기다립니다.";
    PassphraseNew: "New passphrase",
        "새 암호 문구";
    PassphraseChange: "Change the passphrase",
        "암호 문구 바꾸기";
    PassphraseChangeExplained: "The old one then opens nothing on this computer. Copies of the profile made earlier still open with it.",
        "바꾸면 이 컴퓨터에서는 예전 암호 문구로 아무것도 열 수 없습니다. 예전에 만든 프로필 사본은 여전히 예전 암호 문구로 열립니다.";
    PassphraseChanged: "The passphrase is changed.",
        "암호 문구를 바꾸었습니다.";
    FailPassphrase: "The passphrase was not changed; the old one holds.",
        "암호 문구를 바꾸지 못했습니다. 예전 것이 그대로 유효합니다.";
    AutoLockNever: "Never", "안 함";
    AutoLockMinutes: "After {0} minutes", "{0}분 뒤";
    About: "About", "정보";
    Version: "Version {0}", "버전 {0}";
    Licences: "Fonts: Pretendard (SIL Open Font License 1.1). Icons: Phosphor (MIT). Madang: MIT or Apache-2.0.",
        "글꼴: Pretendard (SIL Open Font License 1.1). 아이콘: Phosphor (MIT). 마당: MIT 또는 Apache-2.0.";
    LicencesTitle: "Licences", "라이선스";
    LicencesRead: "Read the licences",
        "라이선스 읽기";
    LicencesLibraries: "The libraries inside are under their own free licences; the list is in the source code (Cargo.lock, deny.toml).",
        "안에 쓰인 라이브러리는 각자의 자유 라이선스를 따릅니다. 목록은 소스 코드(Cargo.lock, deny.toml)에 있습니다.";
    LicenceMadangMit: "Madang: MIT",
        "마당: MIT";
    LicenceMadangApache: "Madang: Apache-2.0",
        "마당: Apache-2.0";
    LicencePretendard: "Font Pretendard: SIL Open Font License 1.1",
        "글꼴 Pretendard: SIL Open Font License 1.1";
    LicencePhosphor: "Icons Phosphor: MIT",
        "아이콘 Phosphor: MIT";
    OpenNetwork: "Relays and network",
        "중계소와 연결 보기";
    PrefsNotSaved: "The settings could not be saved; they hold until the app is closed.", "설정을 저장하지 못했습니다. 앱을 닫을 때까지만 유지됩니다.";
    KeysTitle: "List of keys", "단축키 목록";
    KeyPalette: "Ctrl+K",
        "Ctrl+K";
    KeyNew: "Ctrl+N",
        "Ctrl+N";
    KeyFind: "Ctrl+F",
        "Ctrl+F";
    KeyChats: "Alt+↑ / Alt+↓",
        "Alt+↑ / Alt+↓";
    KeyChatsDoes: "Chat above, chat below",
        "위 대화, 아래 대화";
    KeyPages: "Page Up / Page Down",
        "Page Up / Page Down";
    KeyPagesDoes: "Read older, newer messages",
        "이전 메시지, 다음 메시지 읽기";
    KeySend: "Enter",
        "Enter";
    KeySendDoes: "Send (Ctrl+Enter where Enter breaks the line)",
        "보내기 (Enter로 줄을 바꾸게 했다면 Ctrl+Enter)";
    KeyBreak: "Shift+Enter",
        "Shift+Enter";
    KeyBreakDoes: "New line",
        "줄 바꾸기";
    KeyTab: "Tab / Shift+Tab",
        "Tab / Shift+Tab";
    KeyTabDoes: "Next, previous control",
        "다음 항목, 이전 항목";
    KeyMenu: "Space",
        "Space";
    KeyMenuDoes: "Press what has the focus",
        "선택된 항목 누르기";
    KeyLock: "Ctrl+L",
        "Ctrl+L";
    KeyBack: "Esc",
        "Esc";
    KeyKeys: "F1",
        "F1";

    // Backup.
    BackupHead: "Backup", "백업";
    BackupExplained: "One sealed file with your account, contacts and history, to restore on another computer. The keys of conversations that go on are not in it: after restoring, every contact gets new ones.",
        "계정과 연락처, 대화를 봉함한 파일 하나로, 다른 컴퓨터에서 되살릴 수 있습니다. 진행 중인 대화의 열쇠는 들어 있지 않으며, 되살리면 연락처마다 새 열쇠를 만듭니다.";
    BackupNot: "Whoever has the file and what opens it has your account, your contacts and all history in it, and can come back as you. It keeps what you delete later, and its size tells roughly how much there is. Not in it: contacts who have not answered yet, invites.",
        "파일과 그것을 여는 문구를 가진 사람은 계정과 연락처, 대화를 모두 갖게 되고 본인 행세를 할 수 있습니다. 나중에 지운 내용도 백업에는 남고, 파일 크기로 대략의 양을 짐작할 수 있습니다. 아직 답하지 않은 연락처와 초대는 들어 있지 않습니다.";
    BackupPath: "New file", "새 파일";
    BackupPlace: "Choose a folder", "폴더 고르기";
    BackupPlaceBody: "The folder in which the backup will lie.", "백업을 둘 폴더를 고르세요.";
    BackupHere: "Put it here", "여기에 두기";
    BackupPathHint: "Such as /media/usb/madang.backup", "예: /media/usb/madang.backup";
    BackupByWords: "Twelve recovery words", "복구 단어 열두 개";
    BackupByPassphrase: "A passphrase of its own", "백업 전용 암호 문구";
    BackupWordsExplained: "Madang draws the words and shows them once, before the file is written. Have paper ready.",
        "마당이 단어를 뽑아 백업을 만들기 전에 한 번만 보여 드립니다. 종이를 준비하세요.";
    BackupPassphrase: "Passphrase of the backup", "백업 암호 문구";
    BackupWrite: "Write the backup", "백업 만들기";
    BackupWriting: "Writing the backup. Everything else waits meanwhile. If you lock now, it is not finished.", "백업을 만드는 중입니다. 그동안 다른 일은 기다립니다. 지금 잠그면 백업은 만들어지지 않습니다.";
    BackupWritten: "The backup is written.", "백업을 만들었습니다.";
    PathWhole: "Write the whole path of the file, beginning with “/”.", "‘/’로 시작하는 파일의 전체 경로를 입력하세요.";
    WordsTitle: "Write these words on paper, in this order", "이 단어들을 순서대로 종이에 적으세요";
    WordsOnce: "They are shown only now. Nobody can show them again, and without them nobody opens the backup.",
        "지금 한 번만 보여 드립니다. 다시 볼 수 없으며, 이 단어들이 없으면 아무도 백업을 열 수 없습니다.";
    WordsThen: "Nothing is written yet. When you have noted them, the backup is written to {0}.",
        "아직 아무것도 만들지 않았습니다. 다 적으셨으면 {0}에 백업을 만듭니다.";
    WordsNoted: "I have noted them: write the backup", "적었습니다. 백업 만들기";
    RestoreTitle: "Restore from a backup", "백업에서 되살리기";
    RestoreNot: "Restore only when the old device is gone: two devices that are the same person lose messages to each other. Your contacts are told. What you wrote after the backup was made does not come back, and contacts who had not answered by then need a new invite.",
        "옛 기기가 없어졌을 때만 되살리세요. 두 기기가 같은 사람이 되면 서로 메시지를 잃습니다. 연락처에는 되살렸다는 사실이 전해집니다. 백업을 만든 뒤에 쓴 글은 돌아오지 않으며, 그때까지 답하지 않은 사람에게는 새 초대가 필요합니다.";
    RestoreFile: "Backup file", "백업 파일";
    ChooseBackupBody: "The file that was written as a backup.", "백업으로 만들어 둔 파일을 고르세요.";
    RestoreSecret: "Passphrase or recovery words of the backup", "백업의 암호 문구 또는 복구 단어";
    RestoreSecretMissing: "Enter the passphrase of the backup, or its twelve words.", "백업의 암호 문구나 단어 열두 개를 입력하세요.";
    RestorePassphrase: "New passphrase for this computer", "이 컴퓨터에서 쓸 새 암호 문구";
    RestoreAct: "Restore", "되살리기";
    Restoring: "Restoring. With much history this takes a while.", "되살리는 중입니다. 대화가 많으면 시간이 걸립니다.";
    FailBackup: "The backup was not written. Check the folder and its free space.", "백업을 만들지 못했습니다. 폴더와 남은 공간을 확인하세요.";
    FailBackupThere: "There is something of this name already. Choose another name.", "같은 이름이 이미 있습니다. 다른 이름을 고르세요.";
    FailRestore: "The backup could not be read, and there is no profile. Check the file.", "백업을 읽지 못했으며 프로필은 만들어지지 않았습니다. 파일을 확인하세요.";
    FailBackupSecret: "This does not open the backup. Check it letter by letter.", "이것으로는 백업이 열리지 않습니다. 한 글자씩 확인하세요.";
    FailWords: "One of the recovery words is wrong, or two are exchanged.", "복구 단어 하나가 틀렸거나 두 단어의 순서가 바뀌었습니다.";
    FailBackupNone: "This is no backup, or a part of it is missing.", "백업 파일이 아니거나 일부가 빠져 있습니다.";
    FailBackupDamaged: "The backup is damaged. Take another copy of it.", "백업이 손상되었습니다. 다른 사본을 쓰세요.";

    // Duress.
    DuressHead: "Duress passphrase", "강요받을 때 쓰는 암호 문구";
    DuressExplained: "A second passphrase that opens a decoy: a profile of its own, empty at first, with its own account. It is for somebody who looks at the screen. Open it now and then and use it: an unused one convinces nobody. Setting it again begins an empty one.",
        "위장 프로필을 여는 두 번째 암호 문구입니다. 위장 프로필은 처음에는 비어 있고 계정도 따로 있습니다. 화면을 보는 사람에게 보여 주기 위한 것입니다. 쓰지 않은 프로필은 아무도 믿지 않으니 가끔 열어서 쓰세요. 다시 설정하면 빈 프로필로 새로 시작합니다.";
    DuressNot: "It does not hide that there is more. Who examines the disk sees a second store, how large each is and when each was used; who copied the disk before has all of it; who knows Madang will ask for the other passphrase. Destroying in front of somebody who holds you can be worse for you than opening: only you can weigh that.",
        "다른 것이 더 있다는 사실은 숨기지 못합니다. 디스크를 조사하면 두 번째 저장소와 각각의 크기, 쓴 때가 드러납니다. 디스크를 미리 복사한 사람은 전부 가지고 있으며, 마당을 아는 사람은 다른 암호 문구를 요구할 것입니다. 붙잡힌 상태에서 눈앞에서 파기하면 여는 것보다 더 위험할 수 있으니 스스로 판단하세요.";
    DuressName: "Name of the decoy", "위장 프로필의 이름";
    DuressNameMissing: "Enter a name for the decoy.", "위장 프로필의 이름을 입력하세요.";
    DuressPassphrase: "Passphrase of the decoy", "위장 프로필의 암호 문구";
    DuressDestroys: "Opening the decoy destroys everything else at once, whoever types it",
        "위장 프로필을 열면 누가 입력하든 나머지를 바로 파기하기";
    DuressSet: "Set the duress passphrase", "강요용 암호 문구 설정";
    DuressRemove: "Take the decoy away", "위장 프로필 없애기";
    DuressRemoveTitle: "Take the decoy away?", "위장 프로필을 없앨까요?";
    DuressRemoveBody: "Its passphrase opens nothing any more, and everything in the decoy is deleted on this computer.",
        "그 암호 문구로는 아무것도 열 수 없게 되고, 위장 프로필의 내용은 이 컴퓨터에서 모두 지워집니다.";
    DuressIsSet: "The duress passphrase is set.", "강요용 암호 문구를 설정했습니다.";
    DuressIsGone: "There is no decoy any more.", "위장 프로필을 없앴습니다.";
    FailDuress: "That did not work; what was set before may still hold.", "처리하지 못했습니다. 예전 설정이 그대로일 수 있습니다.";
    FailInUse: "This passphrase opens something here already. Choose another.", "이미 다른 것을 여는 암호 문구입니다. 다른 것을 고르세요.";

    // A device that counts no longer.
    CallBackHead: "If others may hold this profile", "이 프로필이 남의 손에 들어갔을 수 있다면";
    CallBackExplained: "For a lost computer, a copied disk or a stolen backup: call this device back, here or from the restored backup. Contacts learn of it as they are reached. They close the conversation and take nothing from this profile any more, whoever uses it. What is here can still be read. To go on you need a new profile and new invites.",
        "컴퓨터를 잃어버렸거나, 디스크가 복사되었거나, 백업을 도난당했을 때 씁니다. 여기서든 백업을 되살려서든 이 기기를 해지하세요. 연락처에는 닿는 대로 알려지며, 상대는 대화를 닫고 누가 쓰든 이 프로필에서 오는 것을 더는 받지 않습니다. 여기에 있는 것은 계속 읽을 수 있습니다. 다시 이야기하려면 새 프로필과 새 초대가 필요합니다.";
    CallBackAct: "Call this device back", "이 기기 해지";
    CallBackTitle: "Call this device back for good?", "이 기기를 영영 해지할까요?";
    CallBackBody: "This cannot be undone. Nothing can be written from this profile any more, its open invites end, and a profile restored from its backup ends with it. What was written before still goes out.",
        "되돌릴 수 없습니다. 이 프로필로는 더 이상 아무것도 쓸 수 없고, 아직 쓰이지 않은 초대도 끝나며, 백업에서 되살린 프로필도 함께 끝납니다. 이미 쓴 글은 그대로 나갑니다.";
    CalledBack: "This device was called back. Contacts learn of it as they are reached, and nothing can be written from here any more. To go on, make a new profile and exchange new invites.",
        "이 기기는 해지되었습니다. 연락처에는 닿는 대로 알려지며, 여기서는 더 이상 아무것도 쓸 수 없습니다. 계속하려면 새 프로필을 만들고 새 초대를 주고받으세요.";
    FailCallBack: "The device was not called back. Try again.", "기기를 해지하지 못했습니다. 다시 시도하세요.";

    // The end of everything.
    WipeHead: "In an emergency", "위급할 때";
    WipeExplained: "Destroying makes noise of the key file, deletes what it can of the rest and ends Madang at once. From then on nobody opens the profile, you included. Ctrl+Shift+Backspace three times within two seconds does it without asking, also while Madang is locked.",
        "파기하면 열쇠 파일을 무작위 값으로 덮어쓰고 나머지를 지울 수 있는 만큼 지운 뒤 마당을 바로 끝냅니다. 그 뒤로는 본인을 포함해 아무도 프로필을 열 수 없습니다. Ctrl+Shift+Backspace를 2초 안에 세 번 누르면 잠겨 있을 때도 묻지 않고 파기합니다.";
    WipeNot: "It does not reach backups, copies of the disk made earlier, what your contacts have, or what waits on relays. A flash disk may keep an old copy of the key file in its hardware: who reads the chips and has your passphrase can use it. It can be seen that Madang was here.",
        "백업과 예전에 만든 디스크 사본, 상대에게 있는 것, 중계소에서 기다리는 것에는 미치지 못합니다. 플래시 디스크는 열쇠 파일의 옛 사본을 하드웨어에 남겨 둘 수 있어, 칩을 읽을 수 있고 암호 문구를 가진 사람은 그것을 쓸 수 있습니다. 마당을 썼다는 사실은 드러납니다.";
    WipeAct: "Destroy this profile", "이 프로필 파기";
    WipeTitle: "Destroy this profile now?", "이 프로필을 지금 파기할까요?";
    WipeBody: "Account, contacts and all messages on this computer cannot be opened by anybody any more, you included. Madang ends at once. Only a backup brings them back.",
        "이 컴퓨터에 있는 계정과 연락처, 모든 메시지를 본인을 포함해 아무도 열 수 없게 됩니다. 마당은 바로 끝납니다. 백업이 있어야만 되돌릴 수 있습니다.";
    FailWipe: "The keys could not be destroyed and may still be there: {0}", "열쇠를 파기하지 못했습니다. 아직 남아 있을 수 있습니다: {0}";
    KeyWipe: "Ctrl+Shift+Backspace", "Ctrl+Shift+Backspace";
    KeyWipeDoes: "Three times within two seconds: destroy the profile without asking, also while locked",
        "2초 안에 세 번: 묻지 않고 프로필 파기 (잠겨 있을 때도)";

    // Palette.
    PaletteTitle: "Find people, actions and settings", "사람, 동작, 설정 찾기";
    GoTo: "Go to {0}", "{0} 열기";

    // Times.
    Today: "Today", "오늘";
    Yesterday: "Yesterday", "어제";
    DayLine: "{0} {1}", "{0} {1}";
    DateShort: "{2} {3}", "{1}. {2}.";
    DateLong: "{2} {3} {0}", "{0}년 {1}월 {2}일";
    DayAndTime: "{0}, about {1}", "{0} {1}쯤";
    NoTime: "time unknown", "시각 모름";

    // The command line.
    NoDisplay: "No display found, so here is a practice conversation in the terminal: two people, a relay, real sockets, a temporary folder.",
        "화면을 찾지 못해 터미널에서 연습 대화를 보여 드립니다. 두 사람, 중계소 하나, 실제 소켓, 임시 폴더로 진행합니다.";
    NoWindow: "No window could be opened, so here is a practice conversation in the terminal.", "창을 열 수 없어 터미널에서 연습 대화를 보여 드립니다.";
    CommandHelp: "madang opens the window. --practice runs the practice conversation in the terminal, --version tells the version. Scripts use madang-cli.",
        "madang은 창을 엽니다. --practice는 터미널에서 연습 대화를 하고, --version은 버전을 알려 줍니다. 스크립트는 madang-cli를 쓰세요.";
    CommandUnknown: "This is not an option of madang. Try --help.", "madang에 없는 옵션입니다. --help를 보세요.";

    // What goes wrong.
    FailProfileBusy: "Another Madang has this profile open. Close it there first.", "다른 마당이 이 프로필을 열고 있습니다. 먼저 그쪽을 닫으세요.";
    FailDisk: "The disk did not take it. Make room or check the folder, then try again.", "디스크에 쓰지 못했습니다. 공간을 마련하거나 폴더를 확인한 뒤 다시 시도하세요.";
    FailInvite: "This invite cannot be used. Ask for a new one.", "이 초대는 쓸 수 없습니다. 새 초대를 부탁하세요.";
    FailRelay: "This is not a relay that can be used. Check the text you were given.", "쓸 수 있는 중계소가 아닙니다. 받은 글을 확인하세요.";
    FailSend: "The message was not kept. Your text is back in its field; try again.", "메시지를 보관하지 못했습니다. 글을 입력란에 되돌려 놓았으니 다시 시도하세요.";
    FailCreate: "The profile could not be made. Nothing was kept.", "프로필을 만들지 못했습니다. 아무것도 저장되지 않았습니다.";
    FailOpen: "The profile could not be opened.", "프로필을 열 수 없습니다.";
    FailOther: "That did not work. Try again.", "처리하지 못했습니다. 다시 시도하세요.";
    NoticeRebuilt: "The index was damaged and has been rebuilt from the log. Nothing is lost.", "색인이 손상되어 기록에서 다시 만들었습니다. 잃은 것은 없습니다.";
    NoticeNewContact: "{0} is now your contact.", "{0} 님이 연락처에 추가되었습니다.";
    NoticeInviteUsedAgain: "Somebody answered an invite that another had answered before. They were not let in.", "이미 쓰인 초대에 다른 사람이 답했습니다. 들이지 않았습니다.";
    NoticeInviteExpired: "An invite of yours was not answered within its days. Make a new one if it is still wanted.", "보낸 초대에 기한 안에 답이 없었습니다. 아직 필요하면 새로 만드세요.";
    NoticeInviteAnsweredLate: "Somebody answered an invite whose days were over. Make a new one for them.", "기한이 지난 초대에 누군가 답했습니다. 새 초대를 만들어 주세요.";
    NoticeInviteSpoiled: "Others have seen an invite of yours. If the person you meant does not appear, make a new one.", "보낸 초대를 다른 사람이 보았습니다. 기다리는 사람이 나타나지 않으면 새로 만드세요.";
    NoticeAnsweredAgain: "{0} has answered your invite and is still in your list. If they removed you, remove them here: then the new invite goes on by itself.", "{0} 님이 초대에 답했는데 이미 연락처에 있습니다. 상대가 나를 지웠다면 여기서도 지우세요. 그러면 새 초대가 저절로 이어집니다.";
    NoticeInviteOver: "{0}: the invite was used or its days are over. Ask for a new one.", "{0}: 초대가 이미 쓰였거나 기한이 지났습니다. 새 초대를 부탁하세요.";
    NoticeInviteTaken: "{0}: somebody's answer was taken, and nothing says that it was yours. Ask whether they see you.", "{0}: 누군가의 답이 받아들여졌지만 내 답인지는 알 수 없습니다. 상대에게 내가 보이는지 물어보세요.";
    NoticeInviteExhausted: "{0}: the invite is used up, perhaps by a thief. Ask for a new one.", "{0}: 초대가 모두 쓰였습니다. 누군가 가로챘을 수 있습니다. 새 초대를 부탁하세요.";
    NoticeInviteForged: "{0}: what waits under the invite is not what it names. Do not trust it.", "{0}: 초대 아래에 있는 것이 초대가 말한 것과 다릅니다. 믿지 마세요.";
    NoticeContactRestored: "{0} says that they begin anew: after a backup, after damage, or because others may know their keys. Ask them whether it is so.", "{0} 님이 백업이나 손상 뒤라서, 또는 열쇠가 남에게 알려졌을 수 있어서 새로 시작한다고 합니다. 본인에게 확인하세요.";
    NoticeBeginsAnew: "Nothing was heard of the new keys for {0}, so this device begins the conversation anew. They are told.", "{0} 님에게 보낸 새 열쇠에 답이 없어 이 대화를 새 열쇠로 다시 시작합니다. 상대에게도 알려집니다.";
    NoticeMetAgain: "{0} was met again, with new keys.", "{0} 님과 새 열쇠로 다시 이어졌습니다.";
    NoticeNeedsInvite: "{0} cannot be met again from what is left here. Exchange a new invite.", "여기 남은 것만으로는 {0} 님과 다시 이어질 수 없습니다. 새 초대를 주고받으세요.";
    NoticeDeviceCalledBack: "{0} has called back the device you wrote to. Nothing goes there any more.", "{0} 님이 지금까지 쓰던 기기를 해지했습니다. 더는 그 기기로 보내지 않습니다.";
    NoticeDevicesContradict: "{0} names different devices to different people. Compare safety numbers.", "{0} 님이 사람마다 다른 기기를 말합니다. 안전 번호를 비교하세요.";
    NoticeRelayList: "The relay {0} lost its list and began anew.", "중계소 {0}: 목록을 잃고 새로 시작했습니다.";
    NoticeRelayLies: "The relay {0} tells two different histories. Remove it under Network.", "중계소 {0}: 서로 다른 두 기록을 보여 줍니다. ‘연결’에서 이 중계소를 지우세요.";
    NoticeRelayOther: "At {0}, the address of a relay of yours, another relay answers.", "내 중계소의 주소 {0}에서 다른 중계소가 답합니다.";
    NoticeLogDamaged: "Parts of the profile are damaged and what stood there is lost here; open invites ended, and each contact is met again with new keys before anything is sent.", "프로필의 일부가 손상되어 그 내용은 여기서 사라졌습니다. 열린 초대는 끝났고, 무엇을 보내기 전에 연락처마다 새 열쇠로 다시 이어집니다.";
    NoticeRolledBack: "The profile ends before its last known state, as an older copy would, and what came since is missing here; open invites ended, and each contact is met again with new keys before anything is sent.", "프로필이 예전 사본처럼 마지막 상태보다 앞에서 끝나 그 뒤의 내용이 여기에는 없습니다. 열린 초대는 끝났고, 무엇을 보내기 전에 연락처마다 새 열쇠로 다시 이어집니다.";
    FailNotYet: "Not yet: their answer has to arrive first.", "아직 안 됩니다. 먼저 상대의 답이 와야 합니다.";
    FailOwnInvite: "This is your own invite. Give it to the person you want to talk to.", "내가 만든 초대입니다. 이야기하고 싶은 사람에게 주세요.";
    FailAlready: "You have this person as a contact already.", "이미 연락처에 있는 사람입니다.";
    FailTheirDevice: "This person has called back the device you knew, and whoever has it can make invites in their name. Ask them in person for an invite of a new profile, and compare safety numbers.",
        "이 사람은 예전에 쓰던 기기를 해지했고, 그 기기를 가진 사람이 그 이름으로 초대를 만들 수 있습니다. 새 프로필의 초대를 본인에게 직접 받아 안전 번호를 비교하세요.";
    FailRelayFirst: "Your relay has not been reached yet. Wait until it is connected, or remove it.", "중계소에 아직 닿지 못했습니다. 연결될 때까지 기다리거나 중계소를 지우세요.";
    FailTooLong: "The message is too long. Split it.", "메시지가 너무 깁니다. 나누어 보내세요.";
    FailNewer: "The profile was written by a newer version. Update Madang.", "더 새로운 버전이 쓴 프로필입니다. 마당을 업데이트하세요.";
    FailDamaged: "The profile is damaged. Restore it from a backup.", "프로필이 손상되었습니다. 백업에서 되살리세요.";
    FailMemory: "There is not enough memory to stretch the passphrase. Close something and try again.", "암호 문구를 강화할 메모리가 부족합니다. 다른 프로그램을 닫고 다시 시도하세요.";
    FailNetwork: "The network could not be started. Another program may hold the port.", "네트워크를 시작하지 못했습니다. 다른 프로그램이 포트를 쓰고 있을 수 있습니다.";
    FailEnded: "The profile was closed because the disk did not read or write it. Check the disk, then open it again.", "디스크를 읽거나 쓰지 못해 프로필을 닫았습니다. 디스크를 확인한 뒤 다시 여세요.";
    FailEndedFull: "The profile was closed because the disk is full. Nothing that was shown as kept is lost. Make room, then open it again.", "디스크가 가득 차서 프로필을 닫았습니다. 보관되었다고 보인 것은 잃지 않았습니다. 공간을 마련한 뒤 다시 여세요.";
    FailEndedDamaged: "The profile was closed because a part of it cannot be read; what stood there may be lost. Open it again. If it closes again, restore it from a backup.",
        "프로필의 일부를 읽을 수 없어 닫았습니다. 그 내용은 사라졌을 수 있습니다. 다시 여세요. 또 닫히면 백업에서 되살리세요.";
    FailEndedWiped: "The profile was closed because its keys were destroyed from elsewhere on this computer. Only a backup brings it back.",
        "이 컴퓨터의 다른 곳에서 열쇠를 파기해 프로필을 닫았습니다. 백업이 있어야만 되돌릴 수 있습니다.";
    Dismiss: "Dismiss", "닫기";
    NotOnThisComputer: "Practice needs a local network interface that this computer does not give.", "이 컴퓨터에서는 연습에 필요한 네트워크를 열 수 없습니다.";
}
