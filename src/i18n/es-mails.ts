/** The Spanish texts of mails, in the polite form. */
import type { Translation } from './en.ts';

export const mails: Translation['mails'] = {
  greeting: 'Hola:',
  greetingByName: 'Hola, {{name}}:',
  footer: 'Este es un mensaje automático; no se leen las respuestas.',
  support: '¿Tiene preguntas? Escriba a {{supportEmail}}.',
  reason: {
    given: 'Recibe este mensaje porque se indicó {{email}} para una cuenta en {{appName}}.',
    owner: 'Recibe este mensaje porque {{email}} es la dirección de una cuenta en {{appName}}.',
    formerOwner:
      'Recibe este mensaje porque {{email}} era la dirección de una cuenta en {{appName}}.',
    test: 'Recibe este mensaje porque un operador de {{appName}} está probando la configuración de correo.',
  },
  linkHint: 'Si el botón no funciona, abra esta dirección:',
  programs: 'Para aplicaciones que pidan estos valores:',
  ifYou: 'Si ha sido usted, no tiene que hacer nada.',
  ifNotYou:
    'Si no ha sido usted, es posible que otra persona pueda usar su cuenta. Elija ahora una contraseña nueva:',
  resetButton: 'Restablecer mi contraseña',
  resetFails: 'Si no lo consigue, hable con el administrador de {{appName}}.',
  resetFailsByMail: 'Si no lo consigue, escriba a {{supportEmail}}.',
  unexpected: 'Si no esperaba este aviso, hable con el administrador de {{appName}}.',
  unexpectedByMail: 'Si no esperaba este aviso, escriba a {{supportEmail}}.',
  cause: {
    time: 'Hora',
    ipAddress: 'Dirección IP',
    device: 'Dispositivo',
    by: 'Por',
    administrator: 'un administrador',
    operator: 'un operador de {{appName}}',
    service: '{{appName}}, de forma automática',
    unknownDevice: 'desconocido',
    programOnSystem: '{{program}} en {{system}}',
  },
  lifetime: {
    minutes_one: 'un minuto',
    minutes_other: '{{count}} minutos',
    hours_one: 'una hora',
    hours_other: '{{count}} horas',
  },
  verifyEmail: {
    subject: 'Confirme su dirección de correo para {{appName}}',
    preheader: 'Confirme que esta dirección es suya. Sin ello no se puede usar ninguna cuenta.',
    body: 'Se ha pedido una cuenta en {{appName}} para {{email}}. Si ha sido usted, confirme la dirección:',
    bodyByName:
      'Se ha pedido una cuenta en {{appName}} para {{email}} con el nombre de arriba. Si ha sido usted, confirme la dirección:',
    button: 'Confirmar esta dirección',
    typed: 'O escriba este código en la página donde se registró:',
    note: 'El enlace y el código sirven una sola vez, durante {{lifetime}} desde que se pidió. Si no ha pedido una cuenta, o el nombre no es el suyo, ignore este mensaje. La dirección quedará sin confirmar.',
  },
  verifyRegistrations: {
    preheader: 'Varios registros usan esta dirección. Confirme solo el suyo.',
    body_one:
      'Hay {{count}} registro pendiente en {{appName}} para {{email}}. Confírmelo solo si es suyo:',
    body_other:
      'Hay {{count}} registros pendientes en {{appName}} para {{email}}. Confirme solo el suyo. Los demás se eliminarán:',
    registration: '{{name}}, registrado el {{registeredAt}}, válido hasta el {{expiresAt}}',
    button: 'Confirmar este registro',
    note: 'Cada enlace y cada código sirve una sola vez. La página pide la contraseña del registro. Si ninguno es suyo, ignore este mensaje. Los registros caducarán.',
  },
  alreadyRegistered: {
    subject: 'Ya tiene una cuenta en {{appName}}',
    preheader: 'Alguien ha vuelto a indicar su dirección. No se ha cambiado nada.',
    body: 'Alguien ha intentado usar {{email}} para una cuenta en {{appName}}. Ya tiene una cuenta con esta dirección, así que no se ha cambiado nada.',
    note: 'Si no ha sido usted, no tiene que hacer nada. Si ha sido usted, inicie sesión como siempre o elija una contraseña nueva:',
  },
  accountClosed: {
    subject: 'Su cuenta en {{appName}} está cerrada',
    preheader: 'Alguien ha indicado su dirección. No se ha cambiado nada.',
    body: 'Alguien ha intentado usar {{email}} para una cuenta en {{appName}}. Su cuenta con esta dirección está cerrada, así que no se ha cambiado nada.',
    note: 'Si no ha sido usted, no tiene que hacer nada. Si ha sido usted, pida al administrador de {{appName}} que vuelva a abrir la cuenta.',
  },
  accountChanged: {
    subject: 'Se ha modificado su cuenta en {{appName}}',
    preheader: 'Vea qué se ha modificado y cuándo.',
    body: 'Se han modificado estos datos de su cuenta en {{appName}}:',
    changed: 'Modificado',
    fields: {
      email: 'dirección de correo',
      username: 'nombre de usuario',
      firstName: 'nombre',
      lastName: 'apellidos',
    },
  },
  resetPassword: {
    subject: 'Restablezca su contraseña de {{appName}}',
    preheader:
      'Se ha pedido una contraseña nueva. Sin el enlace, su contraseña sigue siendo la misma.',
    body: 'Hemos recibido una solicitud para restablecer la contraseña de la cuenta {{email}} en {{appName}}.',
    ifYou: 'Si ha sido usted, elija aquí una contraseña nueva:',
    button: 'Elegir una contraseña nueva',
    note: 'El enlace sirve una sola vez, durante {{lifetime}} desde que se pidió. Si no ha sido usted, no tiene que hacer nada. Su contraseña sigue siendo la misma.',
  },
  invite: {
    subject: 'Se ha creado una cuenta en {{appName}} para usted',
    preheader: 'Elija una contraseña para empezar a usarla.',
    body: 'Un administrador de {{appName}} ha creado una cuenta para {{email}}. Elija una contraseña para empezar:',
    button: 'Elegir una contraseña',
    note: 'El enlace sirve una sola vez, durante {{lifetime}} desde su envío. Si no lo esperaba, no tiene que hacer nada. Nadie puede iniciar sesión hasta que se elija una contraseña.',
  },
  changeEmail: {
    subject: 'Confirme su nueva dirección de correo para {{appName}}',
    preheader: 'Confirme que esta dirección es suya. Sin ello, la cuenta conserva la actual.',
    body: 'Alguien quiere usar {{email}} como nueva dirección de su cuenta en {{appName}}. Si ha sido usted, confírmela:',
    button: 'Confirmar la nueva dirección',
    note: 'El enlace sirve una sola vez, durante {{lifetime}} desde que se pidió. Si no lo ha pedido, ignore este mensaje. La cuenta conservará su dirección.',
  },
  emailChangeRequested: {
    subject: 'Aviso de seguridad: nueva dirección de correo para su cuenta de {{appName}}',
    preheader: 'Si no ha sido usted, cancele el cambio.',
    body: 'Alguien que conoce su contraseña quiere cambiar la dirección de su cuenta en {{appName}}:',
    present: 'Dirección actual',
    requested: 'Dirección nueva',
    unchanged:
      'La dirección actual se mantiene hasta que se confirme la nueva. Si ha sido usted, no tiene que hacer nada aquí.',
    stop: 'Si no ha sido usted, cancele aquí el cambio y después cambie su contraseña:',
    button: 'Cancelar el cambio',
  },
  passwordChanged: {
    subject: 'Aviso de seguridad: se ha cambiado su contraseña de {{appName}}',
    preheader: 'Si no ha sido usted, restablezca su contraseña.',
    body: 'Se ha cambiado la contraseña de la cuenta {{email}} en {{appName}}.',
  },
  administratorRights: {
    subject: 'Aviso de seguridad: permisos de administrador en {{appName}}',
    preheader: 'Su cuenta ha recibido permisos de administrador.',
    body: 'La cuenta {{email}} en {{appName}} tiene ahora permisos de administrador.',
  },
  accountDisabled: {
    subject: 'Aviso de seguridad: se ha desactivado su cuenta de {{appName}}',
    preheader: 'Vea cuándo ocurrió y qué puede hacer.',
    body: 'Se ha desactivado la cuenta {{email}} en {{appName}}. Ya nadie puede iniciar sesión con ella.',
  },
  refreshTokenReused: {
    subject: 'Aviso de seguridad: se ha cerrado una sesión de su cuenta de {{appName}}',
    preheader: 'Uno de sus tokens se usó dos veces. Vea cuándo y desde qué dispositivo.',
    body: 'Se ha cerrado una sesión de {{email}} en {{appName}} porque uno de sus tokens se usó dos veces. Esto ocurre cuando alguien ha copiado el token.',
    use: 'El segundo uso:',
    ifYou: 'Si era uno de sus dispositivos, inicie sesión de nuevo.',
  },
  accountErased: {
    subject: 'Se ha borrado su cuenta en {{appName}}',
    preheader: 'La cuenta y sus datos ya no existen.',
    body: 'Se ha borrado la cuenta {{email}} en {{appName}} con todos los datos guardados sobre usted. No es posible recuperarla.',
    last: 'Este es el último mensaje sobre esta cuenta.',
  },
  test: {
    subject: '{{appName}} puede enviar correo',
    preheader: 'La configuración de correo funciona.',
    body: 'Esto es una prueba. La configuración de correo de {{appName}} funciona.',
  },
};
